//! Pinyin of Chinese words: phrases first, then context, then the commonest
//! reading; tone sandhi last.
//!
//! Dictionaries: pypinyin's phrases and characters (`models/pypinyin`), words
//! by jieba, as misaki's Mandarin front end, which Kokoro was trained with.

use std::collections::HashMap;
use std::path::Path;

use jieba_rs::Jieba;
use serde::Deserialize;

use crate::SpeechError;

/// A syllable without tone, `ü` written `v`, and its tone 1–5 (5 is neutral).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syllable {
    pub base: String,
    pub tone: u8,
}

impl Syllable {
    /// From `hang2`.
    pub fn from_numbered(text: &str) -> Option<Self> {
        let tone = text.chars().next_back()?.to_digit(10)?;
        let base = text[..text.len() - 1].replace('ü', "v");
        ((1..=5).contains(&tone) && !base.is_empty()).then_some(Self {
            base,
            tone: tone as u8,
        })
    }

    /// From `háng`; without a mark the tone is neutral.
    fn from_marked(text: &str) -> Self {
        const MARKS: [(&str, &str); 7] = [
            ("āáǎà", "a"),
            ("ēéěè", "e"),
            ("īíǐì", "i"),
            ("ōóǒò", "o"),
            ("ūúǔù", "u"),
            ("ǖǘǚǜ", "v"),
            ("\u{0}ńňǹ", "n"),
        ];
        let mut tone = 5;
        let mut base = String::new();
        for c in text.chars() {
            if c == 'ü' {
                base.push('v');
                continue;
            }
            let marked = MARKS
                .iter()
                .find_map(|(marks, plain)| marks.chars().position(|m| m == c).map(|t| (plain, t)));
            match marked {
                Some((plain, t)) => {
                    tone = t as u8 + 1;
                    base.push_str(plain);
                }
                None => base.push(c),
            }
        }
        Self { base, tone }
    }
}

/// One word of a Chinese text with the reading of each character.
#[derive(Clone, Debug, PartialEq)]
pub struct HanWord {
    pub text: String,
    pub syllables: Vec<Syllable>,
}

/// Chinese text → words with readings.
pub struct Pinyin {
    jieba: Jieba,
    phrases: HashMap<String, Vec<Syllable>>,
    characters: HashMap<char, Syllable>,
    longest: usize,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Phrases(HashMap<String, Vec<Vec<String>>>);

impl Pinyin {
    /// Loads `phrases.json` and `characters.json` from `dir`.
    pub fn open(dir: &Path) -> Result<Self, SpeechError> {
        let read = |name: &str| {
            let path = dir.join(name);
            std::fs::read_to_string(&path).map_err(|source| SpeechError::MissingModel {
                path,
                reason: source.to_string(),
            })
        };
        let damaged = |name: &str, e: serde_json::Error| SpeechError::MissingModel {
            path: dir.join(name),
            reason: e.to_string(),
        };
        let phrases: Phrases =
            serde_json::from_str(&read("phrases.json")?).map_err(|e| damaged("phrases.json", e))?;
        let characters: HashMap<String, String> = serde_json::from_str(&read("characters.json")?)
            .map_err(|e| damaged("characters.json", e))?;
        let mut jieba = Jieba::new();
        let mut longest = 1;
        let mut table = HashMap::with_capacity(phrases.0.len());
        for (phrase, readings) in phrases.0 {
            let n = phrase.chars().count();
            if n != readings.len() {
                continue;
            }
            longest = longest.max(n);
            let syllables = readings
                .iter()
                .filter_map(|r| r.first())
                .map(|r| Syllable::from_marked(r))
                .collect();
            table.insert(phrase, syllables);
        }
        for (word, reading) in OWN_PHRASES {
            let syllables: Vec<Syllable> = reading
                .split(' ')
                .filter_map(Syllable::from_numbered)
                .collect();
            jieba.add_word(word, None, None);
            table.insert((*word).to_owned(), syllables);
        }
        let characters = characters
            .into_iter()
            .filter_map(|(code, readings)| {
                let c = code.parse().ok().and_then(char::from_u32)?;
                let first = readings.split(',').next()?;
                Some((c, Syllable::from_marked(first)))
            })
            .collect();
        Ok(Self {
            jieba,
            phrases: table,
            characters,
            longest,
        })
    }

    /// Words of `text` (Han characters only) with readings, tone sandhi applied.
    pub fn words(&self, text: &str) -> Vec<HanWord> {
        let tags = self.jieba.tag(text, true);
        let mut words: Vec<HanWord> = Vec::with_capacity(tags.len());
        for (i, tag) in tags.iter().enumerate() {
            let context = Context {
                before: i.checked_sub(1).map(|i| (tags[i].word, tags[i].tag)),
                after: tags.get(i + 1).map(|t| (t.word, t.tag)),
                tag: tag.tag,
            };
            words.push(HanWord {
                text: tag.word.to_owned(),
                syllables: self.read(tag.word, &context),
            });
        }
        sandhi(&mut words);
        words
    }

    /// A word as in the dictionary, or its longest known parts.
    fn read(&self, word: &str, context: &Context<'_>) -> Vec<Syllable> {
        let chars: Vec<char> = word.chars().collect();
        if chars.len() == 1
            && let Some(reading) = single(chars[0], context)
        {
            return Syllable::from_numbered(reading).into_iter().collect();
        }
        let mut syllables = Vec::with_capacity(chars.len());
        let mut at = 0;
        while at < chars.len() {
            let longest = self.longest.min(chars.len() - at);
            let found = (2..=longest).rev().find_map(|n| {
                let part: String = chars[at..at + n].iter().collect();
                self.phrases.get(&part).map(|s| (n, s))
            });
            match found {
                Some((n, reading)) => {
                    syllables.extend(reading.iter().cloned());
                    at += n;
                }
                None => {
                    let reading = self.characters.get(&chars[at]).cloned();
                    syllables.push(reading.unwrap_or(Syllable {
                        base: "a".to_owned(),
                        tone: 5,
                    }));
                    at += 1;
                }
            }
        }
        syllables
    }
}

/// What stands around a word: text and part of speech.
struct Context<'a> {
    before: Option<(&'a str, &'a str)>,
    after: Option<(&'a str, &'a str)>,
    tag: &'a str,
}

/// Common words whose dictionary reading is wrong or missing.
const OWN_PHRASES: &[(&str, &str)] = &[
    ("朝阳", "chao2 yang2"),
    ("朝阳区", "chao2 yang2 qu1"),
    ("数字人", "shu4 zi4 ren2"),
    ("一会儿", "yi2 hui4 r5"),
    ("一行字", "yi4 hang2 zi4"),
    ("几行", "ji3 hang2"),
    ("长得", "zhang3 de5"),
    ("还给", "huan2 gei3"),
    ("还钱", "huan2 qian2"),
    ("还书", "huan2 shu1"),
    ("重新", "chong2 xin1"),
    ("重来", "chong2 lai2"),
    ("重做", "chong2 zuo4"),
    ("重播", "chong2 bo1"),
    ("重放", "chong2 fang4"),
    ("行不行", "xing2 bu5 xing2"),
    ("好不好", "hao3 bu5 hao3"),
    ("是不是", "shi4 bu5 shi4"),
    ("得了", "de2 le5"),
    ("觉得", "jue2 de5"),
    ("睡觉", "shui4 jiao4"),
    ("音乐", "yin1 yue4"),
    ("快乐", "kuai4 le4"),
    ("着急", "zhao2 ji2"),
    ("看着", "kan4 zhe5"),
    ("睡着", "shui4 zhao2"),
    ("数一数", "shu3 yi5 shu3"),
    ("教书", "jiao1 shu1"),
    ("调音", "tiao2 yin1"),
    ("语调", "yu3 diao4"),
    ("曲调", "qu3 diao4"),
    ("都是", "dou1 shi4"),
    ("首都", "shou3 du1"),
    ("地上", "di4 shang5"),
    ("什么", "shen2 me5"),
    ("怎么", "zen3 me5"),
    ("这么", "zhe4 me5"),
    ("那么", "na4 me5"),
    ("我们", "wo3 men5"),
    ("你们", "ni3 men5"),
    ("他们", "ta1 men5"),
    ("她们", "ta1 men5"),
    ("咱们", "zan2 men5"),
    ("人们", "ren2 men5"),
    ("大家", "da4 jia1"),
    ("朋友", "peng2 you5"),
    ("东西", "dong1 xi5"),
    ("先生", "xian1 sheng5"),
    ("学生", "xue2 sheng5"),
    ("妈妈", "ma1 ma5"),
    ("爸爸", "ba4 ba5"),
    ("喜欢", "xi3 huan5"),
    ("知道", "zhi1 dao5"),
    ("时候", "shi2 hou5"),
    ("意思", "yi4 si5"),
    ("事情", "shi4 qing5"),
    ("谢谢", "xie4 xie5"),
    ("声音", "sheng1 yin1"),
    ("眼睛", "yan3 jing5"),
    ("嘴唇", "zui3 chun2"),
    ("告诉", "gao4 su5"),
    ("漂亮", "piao4 liang5"),
    ("明白", "ming2 bai5"),
];

/// The reading of a character that stands as a word, where that depends on
/// what it is beside. Parts of speech are jieba's.
fn single(c: char, context: &Context<'_>) -> Option<&'static str> {
    let tag_after = context.after.map_or("", |(_, t)| t);
    let after = context.after.map_or("", |(w, _)| w);
    let before = context.before.map_or("", |(w, _)| w);
    let tag_before = context.before.map_or("", |(_, t)| t);
    let verb_before = tag_before.starts_with('v') || tag_before.starts_with('a');
    let number_before = tag_before.starts_with('m')
        || before.ends_with([
            '一', '二', '两', '三', '几', '每', '这', '那', '半', '十', '百', '千',
        ]);
    Some(match c {
        '的' => "de5",
        '地' if verb_before || tag_before.starts_with('d') || context.tag == "uv" => {
            if tag_after.starts_with('v') || context.tag == "uv" {
                "de5"
            } else {
                "di4"
            }
        }
        '得' if verb_before => "de5",
        '得' if tag_after.starts_with('v') => "dei3",
        '得' => "de2",
        '着' if verb_before => "zhe5",
        '了' => "le5",
        '还' if after.starts_with(['钱', '书', '给', '清', '款', '债']) => "huan2",
        '还' => "hai2",
        '都' => "dou1",
        '行' if number_before => "hang2",
        '行' => "xing2",
        '长' if tag_before.starts_with('d')
            || after.starts_with(['大', '高', '得', '成']) && before.is_empty() =>
        {
            if after.starts_with(['大', '高', '得', '成']) {
                "zhang3"
            } else {
                "chang2"
            }
        }
        '长' if after.starts_with(['大', '高', '得', '成', '出']) => "zhang3",
        '长' => "chang2",
        '为' if tag_after.starts_with('v') && context.tag == "v" => "wei2",
        '为' if context.tag.starts_with('v') => "wei2",
        '为' => "wei4",
        '只' if number_before => "zhi1",
        '只' => "zhi3",
        '种' if number_before || tag_before == "r" => "zhong3",
        '种' if tag_after.starts_with('n') => "zhong4",
        '种' => "zhong3",
        '重' if tag_after.starts_with('v') => "chong2",
        '重' => "zhong4",
        '更' => "geng4",
        '好' => "hao3",
        '数' if tag_after.starts_with('m') || tag_before.starts_with('d') => "shu3",
        '数' => "shu4",
        '教' if tag_after.starts_with('r') || tag_after.starts_with('n') => "jiao1",
        '教' => "jiao1",
        '干' if context.tag.starts_with('a') => "gan1",
        '干' => "gan4",
        '倒' if tag_after.starts_with('n') => "dao4",
        '空' => "kong1",
        '和' => "he2",
        '会' => "hui4",
        '要' => "yao4",
        '应' => "ying1",
        '曲' => "qu3",
        '乐' => "le4",
        '差' if tag_before.starts_with('d') => "cha4",
        '背' if tag_after.starts_with('n') => "bei4",
        '么' => "me5",
        '吗' => "ma5",
        '吧' => "ba5",
        '呢' => "ne5",
        '啊' => "a5",
        '们' => "men5",
        '子' if context.before.is_some() => "zi5",
        _ => return None,
    })
}

/// Third-tone chains, 一 and 不, within and across words.
fn sandhi(words: &mut [HanWord]) {
    let chars: Vec<char> = words
        .iter()
        .flat_map(|w| w.text.chars().collect::<Vec<_>>())
        .collect();
    let starts: Vec<usize> = words
        .iter()
        .scan(0, |at, w| {
            let start = *at;
            *at += w.syllables.len();
            Some(start)
        })
        .collect();
    let mut all: Vec<&mut Syllable> = words
        .iter_mut()
        .flat_map(|w| w.syllables.iter_mut())
        .collect();
    if all.len() != chars.len() {
        return;
    }
    for i in 0..all.len() {
        let next = all.get(i + 1).map(|s| s.tone);
        match chars[i] {
            '不' if next == Some(4) => all[i].tone = 2,
            '一' if all[i].tone == 1 => {
                let digit = |c: Option<&char>| {
                    c.is_some_and(|c| {
                        "零〇一二三四五六七八九十百千万亿点第初月日号年幺".contains(*c)
                    })
                };
                let before = i.checked_sub(1).and_then(|i| chars.get(i));
                // A number's 一 keeps its tone, but 一百 and 一千 are read as 一 before others.
                let in_number = digit(before)
                    || (digit(chars.get(i + 1))
                        && !matches!(chars[i + 1], '百' | '千' | '万' | '亿' | '年' | '日'));
                if !in_number {
                    match next {
                        Some(4 | 5) => all[i].tone = 2,
                        Some(1..=3) => all[i].tone = 4,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    // From the left, word by word: 3 3 → 2 3. Across words only before a
    // one-syllable word or after one, where people do not pause.
    for i in 0..all.len().saturating_sub(1) {
        if all[i].tone != 3 || all[i + 1].tone != 3 {
            continue;
        }
        let crosses = starts.contains(&(i + 1));
        let third_follows =
            all.get(i + 2).is_some_and(|s| s.tone == 3) && !starts.contains(&(i + 2));
        if !crosses || !third_follows {
            all[i].tone = 2;
        }
    }
}
