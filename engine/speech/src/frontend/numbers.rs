//! Numbers, dates, times, money and units as words.
//!
//! [`chinese`] and [`english`] turn one written token group into what is said;
//! plain English numbers, money and ordinals are left to misaki, which knows them.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// A piece of text as written, and as it is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub written: String,
    pub spoken: String,
}

/// What a rule makes of its match.
type Say = fn(&Captures<'_>) -> String;
type Rule = (Regex, Say);

fn rules(list: &[(&str, Say)]) -> Vec<Rule> {
    list.iter()
        .filter_map(|(pattern, say)| Some((Regex::new(pattern).ok()?, *say)))
        .collect()
}

/// Splits `text` at the first rule that matches leftmost; the rest stays as written.
fn apply(rules: &[Rule], text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < text.len() {
        // Leftmost match; of those at one place the first rule wins.
        let found = rules
            .iter()
            .enumerate()
            .filter_map(|(i, (r, say))| Some((r.captures_at(text, at)?, i, say)))
            .min_by_key(|(c, i, _)| (c.get(0).map_or(usize::MAX, |m| m.start()), *i));
        let Some((captures, _, say)) = found else {
            break;
        };
        let Some(whole) = captures.get(0).filter(|m| !m.is_empty()) else {
            break;
        };
        if whole.start() > at {
            let plain = &text[at..whole.start()];
            pieces.push(Piece {
                written: plain.to_owned(),
                spoken: plain.to_owned(),
            });
        }
        pieces.push(Piece {
            written: whole.as_str().to_owned(),
            spoken: say(&captures),
        });
        at = whole.end();
    }
    if at < text.len() {
        pieces.push(Piece {
            written: text[at..].to_owned(),
            spoken: text[at..].to_owned(),
        });
    }
    pieces
}

fn group<'a>(captures: &'a Captures<'_>, i: usize) -> &'a str {
    captures.get(i).map_or("", |m| m.as_str())
}

const DIGITS: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];

/// Digit by digit: 2026 → 二零二六.
fn han_digits(text: &str) -> String {
    text.chars()
        .filter_map(|c| c.to_digit(10))
        .map(|d| DIGITS[d as usize])
        .collect()
}

/// A whole number in words: 10500 → 一万零五百.
pub fn han_number(text: &str) -> String {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return "零".to_owned();
    }
    if digits.len() > 16 {
        return han_digits(digits);
    }
    let values: Vec<u32> = digits.chars().filter_map(|c| c.to_digit(10)).collect();
    let mut out = String::new();
    let mut pending_zero = false;
    let groups: Vec<&[u32]> = {
        let first = values.len() % 4;
        let (head, tail) = values.split_at(first);
        let mut groups: Vec<&[u32]> = Vec::new();
        if !head.is_empty() {
            groups.push(head);
        }
        groups.extend(tail.chunks(4));
        groups
    };
    for (g, values) in groups.iter().enumerate() {
        let unit = ["", "万", "亿", "万亿"][groups.len() - 1 - g];
        let mut any = false;
        for (i, &d) in values.iter().enumerate() {
            let place = ["", "十", "百", "千"][values.len() - 1 - i];
            if d == 0 {
                pending_zero = !out.is_empty();
                continue;
            }
            if pending_zero {
                out.push('零');
                pending_zero = false;
            }
            any = true;
            // 十五, not 一十五, at the front; 两千 and 两万, but 二百 and 二十.
            let ten_first = d == 1 && place == "十" && out.is_empty();
            if !ten_first {
                let two = d == 2
                    && (place == "千"
                        || (place.is_empty() && values.len() == 1 && !unit.is_empty()));
                out.push(if two { '两' } else { DIGITS[d as usize] });
            }
            out.push_str(place);
        }
        if any {
            out.push_str(unit);
        }
        if values.last() != Some(&0) {
            pending_zero = false;
        }
    }
    out
}

/// A decimal number: −3.14 → 负三点一四.
fn han_decimal(text: &str) -> String {
    let (sign, text) = match text.strip_prefix(['-', '−', '－']) {
        Some(rest) => ("负", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    match text.split_once('.') {
        Some((whole, part)) => format!("{sign}{}点{}", han_number(whole), han_digits(part)),
        None => format!("{sign}{}", han_number(text)),
    }
}

/// 两 before a measure word, where 二 is not said.
fn han_count(text: &str) -> String {
    if text == "2" {
        "两".to_owned()
    } else {
        han_decimal(text)
    }
}

const NUMBER: &str = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?";

static CHINESE: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let n = NUMBER;
    rules(&[
        (r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:日)?", |c| {
            format!(
                "{}年{}月{}日",
                han_digits(group(c, 1)),
                han_number(group(c, 2)),
                han_number(group(c, 3))
            )
        }),
        (r"(\d{2,4})年(代)?", |c| {
            let year = group(c, 1);
            let said = match year.len() {
                3 => han_number(year),
                _ => han_digits(year),
            };
            format!("{said}年{}", group(c, 2))
        }),
        (r"(\d{1,2}):(\d{2})(?::(\d{2}))?", |c| {
            let minutes = match group(c, 2) {
                "00" => "整".to_owned(),
                m if m.starts_with('0') => format!("零{}分", han_number(m)),
                m => format!("{}分", han_number(m)),
            };
            let seconds = match group(c, 3) {
                "" => String::new(),
                s => format!("{}秒", han_number(s)),
            };
            format!("{}点{minutes}{seconds}", han_count(group(c, 1)))
        }),
        (r"(1[3-9]\d)[- ]?(\d{4})[- ]?(\d{4})", |c| {
            let digits = [group(c, 1), group(c, 2), group(c, 3)].concat();
            han_digits(&digits).replace('一', "幺")
        }),
        (&format!(r"({n})\s*[-–—~～至到]\s*({n})\s*%"), |c| {
            format!(
                "百分之{}到百分之{}",
                han_decimal(&plain(group(c, 1))),
                han_decimal(&plain(group(c, 2)))
            )
        }),
        (&format!(r"([-−]?(?:{n}))\s*[%％]"), |c| {
            format!("百分之{}", han_decimal(&plain(group(c, 1))))
        }),
        (&format!(r"([¥￥$€£])\s*({n})\s*([万亿]?)"), |c| {
            let unit = match group(c, 1) {
                "$" => "美元",
                "€" => "欧元",
                "£" => "英镑",
                _ => "元",
            };
            format!("{}{}{unit}", han_decimal(&plain(group(c, 2))), group(c, 3))
        }),
        (r"(\d{1,4})/(\d{1,4})", |c| {
            format!("{}分之{}", han_number(group(c, 2)), han_number(group(c, 1)))
        }),
        (
            &format!(
                r"([-−]?(?:{n}))\s*(°C|℃|°F|℉|km/h|km²|km|kg|mg|cm|mm|ml|mL|GB|MB|KB|TB|kW|Hz|kHz|MHz|GHz|m²|m|g|L)(?:[^A-Za-z]|$)"
            ),
            |c| {
                let unit = match group(c, 2) {
                    "°C" | "℃" => "摄氏度",
                    "°F" | "℉" => "华氏度",
                    "km/h" => "公里每小时",
                    "km²" => "平方公里",
                    "km" => "公里",
                    "kg" => "公斤",
                    "mg" => "毫克",
                    "cm" => "厘米",
                    "mm" => "毫米",
                    "ml" | "mL" => "毫升",
                    "m²" => "平方米",
                    "m" => "米",
                    "g" => "克",
                    "L" => "升",
                    "kW" => "千瓦",
                    "Hz" => "赫兹",
                    "kHz" => "千赫",
                    "MHz" => "兆赫",
                    "GHz" => "吉赫",
                    other => other,
                };
                // The character after the unit was only looked at.
                let rest = group(c, 0);
                let tail = rest
                    .rfind(group(c, 2))
                    .map_or("", |i| &rest[i + group(c, 2).len()..]);
                format!("{}{unit}{tail}", han_count(&plain(group(c, 1))))
            },
        ),
        (&format!(r"({n})\s*[-–—~～]\s*({n})"), |c| {
            format!(
                "{}到{}",
                han_decimal(&plain(group(c, 1))),
                han_decimal(&plain(group(c, 2)))
            )
        }),
        (r"第(\d+)", |c| format!("第{}", han_number(group(c, 1)))),
        (
            &format!(
                r"(^|[^\dA-Za-z.])([-−]?(?:{n}))(个|位|名|只|条|张|本|件|次|天|周|岁|小时|分钟|种|家|台|辆|座|杯|瓶|斤|公斤|米|倍|句|页|章|段|层|块|万|亿)"
            ),
            |c| {
                format!(
                    "{}{}{}",
                    group(c, 1),
                    han_count(&plain(group(c, 2))),
                    group(c, 3)
                )
            },
        ),
        // A code or an account is said digit by digit, a round number is not.
        (r"0\d{2,}|\d{9,}", |c| match group(c, 0) {
            round if !round.starts_with('0') && round.ends_with("0000") => han_number(round),
            code => han_digits(code),
        }),
        (&format!(r"[-−]?(?:{n})"), |c| {
            han_decimal(&plain(group(c, 0)))
        }),
        (r"\+", |_| "加".to_owned()),
        (r"=", |_| "等于".to_owned()),
        (r"×", |_| "乘以".to_owned()),
        (r"÷", |_| "除以".to_owned()),
        (r"&", |_| "和".to_owned()),
        (r"@", |_| " at ".to_owned()),
    ])
});

/// Thousands separators and typographic minus signs away.
fn plain(number: &str) -> String {
    number.replace(',', "").replace('−', "-")
}

/// Text in a Chinese sentence: digits and symbols as Chinese words.
pub fn chinese(text: &str) -> Vec<Piece> {
    apply(&CHINESE, text)
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn month(number: &str) -> &'static str {
    let n: usize = number.parse().unwrap_or(1);
    MONTHS[n.clamp(1, 12) - 1]
}

/// 1 → first … 31 → thirty-first.
fn day(number: &str) -> String {
    const FIRST: [&str; 20] = [
        "zeroth",
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
    ];
    match number.parse::<usize>().unwrap_or(1) {
        n @ 0..=19 => FIRST[n].to_owned(),
        20 => "twentieth".to_owned(),
        n @ 21..=29 => format!("twenty {}", FIRST[n - 20]),
        30 => "thirtieth".to_owned(),
        _ => "thirty first".to_owned(),
    }
}

fn expanded_month(name: &str) -> &'static str {
    let short = name.get(..3).unwrap_or(name);
    MONTHS
        .iter()
        .find(|m| m.starts_with(short))
        .copied()
        .unwrap_or("January")
}

static ENGLISH: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    rules(&[
        (r"(\d{4})-(\d{2})-(\d{2})", |c| {
            format!(
                "{} {}, {}",
                month(group(c, 2)),
                day(group(c, 3)),
                group(c, 1)
            )
        }),
        (
            r"\b(Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec|January|February|March|April|May|June|July|August|September|October|November|December)\.? (\d{1,2})(?:st|nd|rd|th)?\b(?:,? (\d{4})\b)?",
            |c| {
                let year = match group(c, 3) {
                    "" => String::new(),
                    year => format!(", {year}"),
                };
                format!("{} {}{year}", expanded_month(group(c, 1)), day(group(c, 2)))
            },
        ),
        (r"\b(\d{1,2}):(\d{2})(?:\s*([AaPp])\.?[Mm]\b\.?)?", |c| {
            let half = match group(c, 3) {
                "a" | "A" => " A M",
                "p" | "P" => " P M",
                _ => "",
            };
            let minutes = match (group(c, 2), half) {
                ("00", "") => " o'clock".to_owned(),
                ("00", _) => String::new(),
                (m, _) if m.starts_with('0') => format!(" oh {}", &m[1..]),
                (m, _) => format!(" {m}"),
            };
            format!("{}{minutes}{half}", group(c, 1))
        }),
        (r"\b([\w.+-]+)@([\w-]+(?:\.[\w-]+)+)\b", |c| {
            format!(
                "{} at {}",
                group(c, 1).replace('.', " dot "),
                group(c, 2).replace('.', " dot ")
            )
        }),
        (
            r"(?:https?://)?((?:[a-z0-9-]+\.)+(?:com|org|net|io|ai|dev|cn|edu|gov))(/[\w/-]*)?",
            |c| {
                let path = group(c, 2).trim_matches('/').replace('/', " slash ");
                let host = group(c, 1).replace("www.", "w w w.").replace('.', " dot ");
                if path.is_empty() {
                    host
                } else {
                    format!("{host} slash {path}")
                }
            },
        ),
        (
            r"(-?\d[\d,]*(?:\.\d+)?)\s?(°C|℃|°F|℉|km/h|mph|km|kg|mg|cm|mm|ml|GHz|MHz|kHz|Hz|GB|MB|KB|TB|kW)\b",
            |c| {
                let unit = match group(c, 2) {
                    "°C" | "℃" => "degrees Celsius",
                    "°F" | "℉" => "degrees Fahrenheit",
                    "km/h" => "kilometers per hour",
                    "mph" => "miles per hour",
                    "km" => "kilometers",
                    "kg" => "kilograms",
                    "mg" => "milligrams",
                    "cm" => "centimeters",
                    "mm" => "millimeters",
                    "ml" => "milliliters",
                    "GHz" => "gigahertz",
                    "MHz" => "megahertz",
                    "kHz" => "kilohertz",
                    "Hz" => "hertz",
                    "GB" => "gigabytes",
                    "MB" => "megabytes",
                    "KB" => "kilobytes",
                    "TB" => "terabytes",
                    _ => "kilowatts",
                };
                format!("{} {unit}", group(c, 1))
            },
        ),
        (r"(-?\d[\d,]*(?:\.\d+)?)\s?%", |c| {
            format!("{} percent", group(c, 1))
        }),
        (r"\b(\d+)\s?[-–—]\s?(\d+)\b", |c| {
            format!("{} to {}", group(c, 1), group(c, 2))
        }),
        (r"\b(1)/(2)\b", |_| "one half".to_owned()),
        (r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b", |c| {
            format!(
                "{} {}, {}",
                month(group(c, 1)),
                day(group(c, 2)),
                group(c, 3)
            )
        }),
        (r"\b([1-9])/([3-9])\b", |c| {
            let plural = if group(c, 1) == "1" { "" } else { "s" };
            let part = if group(c, 2) == "4" {
                "quarter".to_owned()
            } else {
                day(group(c, 2))
            };
            format!("{} {part}{plural}", group(c, 1))
        }),
        (r"\s-(\d)", |c| format!(" minus {}", group(c, 1))),
        (r"\be\.g\.", |_| "for example".to_owned()),
        (r"\bi\.e\.", |_| "that is".to_owned()),
        (r"\betc\.", |_| "et cetera".to_owned()),
        (r"\bvs\.?\b", |_| "versus".to_owned()),
        (r" = ", |_| " equals ".to_owned()),
        (r" × ", |_| " times ".to_owned()),
        (r" ÷ ", |_| " divided by ".to_owned()),
        (r" \+ ", |_| " plus ".to_owned()),
    ])
});

/// Text in an English sentence: what misaki does not know, spelled out.
pub fn english(text: &str) -> Vec<Piece> {
    apply(&ENGLISH, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pieces: Vec<Piece>) -> String {
        pieces.into_iter().map(|p| p.spoken).collect()
    }

    #[test]
    fn chinese_numbers_dates_money_and_units() {
        let cases = [
            ("今天是2026年11月24日", "今天是二零二六年十一月二十四日"),
            ("2026-11-24", "二零二六年十一月二十四日"),
            ("下午3:45出发", "下午三点四十五分出发"),
            ("15:00开会", "十五点整开会"),
            ("一共10500元", "一共一万零五百元"),
            ("人口是1,234,567", "人口是一百二十三万四千五百六十七"),
            ("圆周率3.14", "圆周率三点一四"),
            ("涨了5.2%", "涨了百分之五点二"),
            ("气温-3℃", "气温负三摄氏度"),
            ("¥30和$5.20", "三十元和五点二零美元"),
            ("买2个，等3-5天", "买两个，等三到五天"),
            ("第3名", "第三名"),
            ("1/2的人", "二分之一的人"),
            ("电话13812345678", "电话幺三八幺二三四五六七八"),
            ("跑了10km。", "跑了十公里。"),
            ("20000", "两万"),
            ("2000000", "二百万"),
            ("12", "十二"),
            ("110", "一百一十"),
            ("1001", "一千零一"),
            ("100000000", "一亿"),
            ("80年代", "八零年代"),
            ("3+5=8", "三加五等于八"),
        ];
        for (written, spoken) in cases {
            assert_eq!(said(chinese(written)), spoken, "{written}");
        }
    }

    #[test]
    fn english_dates_times_units_and_addresses() {
        let cases = [
            ("on 2026-11-24.", "on November twenty fourth, 2026."),
            ("Nov 24, 2026", "November twenty fourth, 2026"),
            ("at 3:45 pm", "at 3 45 P M"),
            ("at 9:05", "at 9 oh 5"),
            ("at 12:00", "at 12 o'clock"),
            ("mail me@site.org now", "mail me at site dot org now"),
            (
                "see www.example.com/a",
                "see w w w dot example dot com slash a",
            ),
            ("10 km at 5%", "10 kilometers at 5 percent"),
            ("pages 3-5", "pages 3 to 5"),
            ("3/4 of it", "3 quarters of it"),
            ("7/4/2026", "July fourth, 2026"),
        ];
        for (written, spoken) in cases {
            assert_eq!(said(english(written)), spoken, "{written}");
        }
    }

    #[test]
    fn what_is_written_is_kept() {
        let pieces = chinese("共3.5kg，好");
        let written: String = pieces.iter().map(|p| p.written.as_str()).collect();
        assert_eq!(written, "共3.5kg，好");
    }
}
