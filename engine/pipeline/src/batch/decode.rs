//! A manifest's bytes as text, whatever program saved it.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, GB18030, GBK, UTF_8, UTF_16BE, UTF_16LE};

/// A file's text and how it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    pub text: String,
    /// The encoding's name.
    pub encoding: &'static str,
    /// Neither a mark nor UTF-8 says so: it may be another one.
    pub guessed: bool,
}

/// Decodes `bytes`: by `encoding` where one is named, by the file's mark, as
/// UTF-8 where they are, else as what the characters most look like.
///
/// # Errors
/// What is wrong, and what to do.
pub fn decode(bytes: &[u8], encoding: Option<&str>) -> Result<Decoded, String> {
    let (chosen, guessed) = match encoding {
        Some(name) => (
            Encoding::for_label(name.trim().as_bytes()).ok_or_else(|| {
                format!("`{name}` is no encoding: write utf-8, utf-16le, gb18030 or big5")
            })?,
            false,
        ),
        None => match Encoding::for_bom(bytes) {
            Some((by_mark, _)) => (by_mark, false),
            None => without_mark(bytes),
        },
    };
    // Whatever wrote GBK may have written the characters that came later, too.
    let chosen = if chosen == GBK { GB18030 } else { chosen };
    let body = match Encoding::for_bom(bytes) {
        Some((by_mark, length)) if by_mark == chosen => &bytes[length..],
        _ => bytes,
    };
    match chosen.decode_without_bom_handling_and_without_replacement(body) {
        Some(text) if !text.contains('\0') => Ok(Decoded {
            text: text.into_owned(),
            encoding: chosen.name(),
            guessed,
        }),
        Some(_) => Err("it is not a text file: it holds zero bytes".to_owned()),
        None => Err(format!(
            "it is not {} text: save it as \"CSV UTF-8\", or name its encoding with --encoding",
            chosen.name()
        )),
    }
}

fn without_mark(bytes: &[u8]) -> (&'static Encoding, bool) {
    if std::str::from_utf8(bytes).is_ok() && !bytes.contains(&0) {
        return (UTF_8, false);
    }
    // UTF-16 of a header is half zeros wherever its letters are Latin.
    let zeros = |odd: usize| {
        let head = &bytes[..bytes.len().min(4096)];
        let at = head.iter().skip(odd).step_by(2);
        at.filter(|b| **b == 0).count() * 8 > head.len()
    };
    match (zeros(0), zeros(1)) {
        (false, true) => return (UTF_16LE, true),
        (true, false) => return (UTF_16BE, true),
        _ => {}
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    // Of the old encodings, the Chinese one is what Excel writes for most
    // who will hand us one: where the bytes leave a doubt, it wins.
    (detector.guess(Some(b"cn"), Utf8Detection::Deny), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "script,姓名\n你好，{{姓名}}！欢迎来到我们的节目。,小明\n";

    #[test]
    fn what_excel_writes_is_read() {
        let plain = decode(TEXT.as_bytes(), None).unwrap();
        assert_eq!(
            (plain.text.as_str(), plain.encoding, plain.guessed),
            (TEXT, "UTF-8", false)
        );
        let marked = ["\u{feff}", TEXT].concat();
        assert_eq!(decode(marked.as_bytes(), None).unwrap(), plain);

        let units = |text: &str| text.encode_utf16().collect::<Vec<_>>();
        let le: Vec<u8> = units(&marked)
            .iter()
            .flat_map(|u| u.to_le_bytes())
            .collect();
        let be: Vec<u8> = units(&marked)
            .iter()
            .flat_map(|u| u.to_be_bytes())
            .collect();
        for (bytes, name) in [(le, "UTF-16LE"), (be, "UTF-16BE")] {
            let read = decode(&bytes, None).unwrap();
            assert_eq!((read.text.as_str(), read.encoding), (TEXT, name));
        }

        let (gbk, _, lost) = GBK.encode(TEXT);
        assert!(!lost);
        let read = decode(&gbk, None).unwrap();
        assert_eq!((read.text.as_str(), read.encoding), (TEXT, "gb18030"));
        assert!(read.guessed, "no mark says that it is");
    }

    #[test]
    fn a_few_chinese_words_are_enough_to_tell() {
        for text in [
            "脚本,输出\n你好,甲.mp4\n",
            "script,out\n再见,a.mp4\n",
            "script\n大家好！\n",
        ] {
            let (gbk, ..) = GBK.encode(text);
            let read = decode(&gbk, None).unwrap();
            assert_eq!(read.text, text, "{}", read.encoding);
        }
    }

    #[test]
    fn other_old_encodings_are_told_apart_or_named() {
        let french = "script,nom\nBonjour à tous, c'était déjà l'été chez Hélène et François,Zoé\n";
        let (bytes, ..) = encoding_rs::WINDOWS_1252.encode(french);
        assert_eq!(decode(&bytes, Some("windows-1252")).unwrap().text, french);
        assert_eq!(decode(&bytes, None).unwrap().text, french);
        let taiwan = "script\n歡迎來到我們的節目，請多多指教。\n";
        let (bytes, ..) = encoding_rs::BIG5.encode(taiwan);
        assert_eq!(decode(&bytes, Some("big5")).unwrap().text, taiwan);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert!(decode(b"PK\x03\x04\0\0\0\0\x08\0", None).is_err());
        assert!(decode(b"\xff\xff\xff", Some("utf-8")).is_err());
        let wrong = decode(b"a", Some("utf-99")).unwrap_err();
        assert!(wrong.contains("utf-99"), "{wrong}");
    }
}
