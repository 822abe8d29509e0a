//! CSV as rows of cells that know their place.

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};

use crate::batch::{Place, Problem};

/// One cell: its text, and where it begins (its quote, if it has one).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub text: String,
    pub place: Place,
}

/// Rows of cells; a row of empty cells only is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub rows: Vec<Vec<Cell>>,
}

/// A CSV cell longer than this is a quote that was never closed.
const UNCLOSED_SHOWN_CHARS: usize = 24;

impl Table {
    /// Reads comma-, semicolon- or tab-separated text with a header row.
    /// A first line `sep=;`, as Excel understands it, is obeyed.
    pub fn read(text: &str, problems: &mut Vec<Problem>) -> Self {
        let (body, mut at) = match text.get(..4).map(str::to_ascii_lowercase).as_deref() {
            Some("sep=") => match text.split_once('\n') {
                Some((_, rest)) => (rest, Place { line: 2, column: 1 }),
                None => ("", Place::START),
            },
            _ => (text, Place::START),
        };
        let separator = match body.len() == text.len() {
            true => separator_of(body),
            false => text.as_bytes()[4],
        };
        let mut reader = ReaderBuilder::new().delimiter(separator).build();
        let mut rows: Vec<Vec<Cell>> = Vec::new();
        let mut row = Vec::new();
        let mut field = Vec::new();
        let mut rest = body;
        while let Some(raw) = next_field(&mut reader, &mut rest, &mut field) {
            // What ends the row before, or blank lines, may come first.
            let body = match row.is_empty() {
                true => raw.text.trim_start_matches(['\r', '\n']),
                false => raw.text,
            };
            advance(&mut at, &raw.text[..raw.text.len() - body.len()]);
            let own = body.trim_end_matches(['\r', '\n', char::from(separator)]);
            if body.starts_with('"') && own.matches('"').count() % 2 == 1 {
                let shown: String = body.chars().take(UNCLOSED_SHOWN_CHARS).collect();
                problems.push(Problem::error(
                    at,
                    None,
                    format!(
                        "the quote of `{}…` is never closed: end the cell with \", and write \"\" \
                         for a quote inside it",
                        shown.replace(['\r', '\n'], " ")
                    ),
                ));
            }
            row.push(Cell {
                text: String::from_utf8_lossy(&field).into_owned(),
                place: at,
            });
            advance(&mut at, body);
            if raw.ends_row {
                let full = std::mem::take(&mut row);
                if full.iter().any(|c| !c.text.trim().is_empty()) {
                    rows.push(full);
                }
            }
        }
        Self { rows }
    }
}

struct RawField<'a> {
    /// As in the file, with its quotes and the separator or line end after it.
    text: &'a str,
    ends_row: bool,
}

/// Reads one field into `field` and moves `rest` behind it.
fn next_field<'a>(
    reader: &mut Reader,
    rest: &mut &'a str,
    field: &mut Vec<u8>,
) -> Option<RawField<'a>> {
    field.clear();
    let whole = *rest;
    let mut read = 0;
    let mut block = [0_u8; 4096];
    let ends_row = loop {
        let (result, nin, nout) = reader.read_field(&whole.as_bytes()[read..], &mut block);
        read += nin;
        field.extend_from_slice(&block[..nout]);
        match result {
            ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
            ReadFieldResult::Field { record_end } => break record_end,
            ReadFieldResult::End => return None,
        }
    };
    // Separators are ASCII, so fields end between characters.
    let (text, after) = whole.split_at_checked(read)?;
    *rest = after;
    Some(RawField { text, ends_row })
}

/// Moves `at` over `text`.
fn advance(at: &mut Place, text: &str) {
    match text.rfind('\n') {
        Some(last) => {
            at.line += text.bytes().filter(|b| *b == b'\n').count();
            at.column = 1 + text[last + 1..].chars().count();
        }
        None => at.column += text.chars().count(),
    }
}

/// What separates the names in the first line; a comma when nothing does.
fn separator_of(text: &str) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    let text = text.trim_start_matches(['\r', '\n']);
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if !quoted => {
                for (separator, count) in &mut counts {
                    *count += u32::from(byte == *separator);
                }
            }
            _ => {}
        }
    }
    // The first of the most frequent.
    counts
        .iter()
        .rev()
        .max_by_key(|(_, count)| *count)
        .map_or(b',', |(separator, _)| *separator)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (Vec<Vec<String>>, Vec<Problem>) {
        let mut problems = Vec::new();
        let table = Table::read(text, &mut problems);
        let rows = table.rows.into_iter();
        let texts = rows.map(|r| r.into_iter().map(|c| c.text).collect());
        (texts.collect(), problems)
    }

    #[test]
    fn separators_are_found() {
        for text in [
            "a,b\n1,2\n",
            "a;b\n1;2\n",
            "a\tb\r\n1\t2\r\n",
            "sep=;\na;b\n1;2",
            "\"a\",b\n\n1,2\n,\n",
        ] {
            let (rows, problems) = read(text);
            assert_eq!(rows, [["a", "b"], ["1", "2"]], "{text}");
            assert!(problems.is_empty());
        }
    }

    #[test]
    fn cells_know_where_they_begin() {
        let mut problems = Vec::new();
        let table = Table::read(
            "名字,script\r\n小明,\"两行\r\n\"\"话\"\"\"\r\n\r\n李,x\r\n",
            &mut problems,
        );
        let places: Vec<Vec<(usize, usize)>> = table
            .rows
            .iter()
            .map(|r| r.iter().map(|c| (c.place.line, c.place.column)).collect())
            .collect();
        assert_eq!(
            places,
            [[(1, 1), (1, 4)], [(2, 1), (2, 4)], [(5, 1), (5, 3)]]
        );
        assert_eq!(table.rows[1][1].text, "两行\r\n\"话\"");
        assert!(problems.is_empty());
    }

    #[test]
    fn a_quote_that_is_never_closed_is_found_where_it_opens() {
        let (_, problems) = read("a,b\n1,\"2\n3,4\n");
        assert_eq!(problems.len(), 1);
        let place = problems[0].place;
        assert_eq!((place.line, place.column), (2, 3));
    }

    proptest! {
        /// What the csv crate writes is read back, and each cell is at its place.
        #[test]
        fn any_cells_survive(
            rows in prop::collection::vec(
                prop::collection::vec("[a-z ,;\"\n\r\t你好😀]{0,6}", 3), 1..6),
            separator in prop::sample::select(vec![b',', b';', b'\t']),
        ) {
            let mut writer = csv::WriterBuilder::new().delimiter(separator)
                .quote_style(csv::QuoteStyle::Necessary).from_writer(Vec::new());
            writer.write_record(["h", "h", "h"]).unwrap();
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let mut problems = Vec::new();
            let table = Table::read(&text, &mut problems);
            let kept: Vec<&Vec<String>> = rows.iter()
                .filter(|r| r.iter().any(|c| !c.trim().is_empty())).collect();
            prop_assert_eq!(table.rows.len(), kept.len() + 1);
            let lines: Vec<Vec<char>> = text.split('\n').map(|l| l.chars().collect()).collect();
            for (row, want) in table.rows[1..].iter().zip(kept) {
                for (cell, want) in row.iter().zip(want) {
                    prop_assert_eq!(&cell.text, want);
                    let from = &lines[cell.place.line - 1][cell.place.column - 1..];
                    let first = want.chars().next();
                    prop_assert!(first.is_none() || from.first() == Some(&'"')
                        || from.first() == first.as_ref());
                }
            }
            prop_assert!(problems.is_empty());
        }

        /// Whatever the bytes are, reading ends and panics never.
        #[test]
        fn any_text_is_read(text in "\\PC*[\"\n\r,;]*\\PC*") {
            read(&text);
        }
    }
}
