//! The markup, construct by construct, and its errors word by word.

use huashen_core::MarkKind;
use huashen_script::{Item, Reading, Script, Span, Style, parse};
use proptest::prelude::*;

fn items(source: &str) -> Vec<Item> {
    parse(source)
        .unwrap_or_else(|e| panic!("{source}: {e}"))
        .script
        .items
}

/// Spans as `text|voice|speed|semitones|emphasis|reading`, everything else in words.
fn shown(source: &str) -> Vec<String> {
    items(source)
        .iter()
        .map(|item| match item {
            Item::Text(span) => {
                let mut out = span.text.replace('\n', "⏎");
                let style = &span.style;
                if let Some(voice) = &style.voice {
                    out += &format!("|{voice}");
                }
                if style.speed != 1.0 {
                    out += &format!("|x{}", style.speed);
                }
                if style.semitones != 0.0 {
                    out += &format!("|{:+}st", style.semitones);
                }
                if style.emphasised {
                    out += "|!";
                }
                match &span.reading {
                    Some(Reading::Pinyin(p)) => out += &format!("|py {}", p.join(" ")),
                    Some(Reading::Ipa(i)) => out += &format!("|/{i}/"),
                    Some(Reading::Sub(s)) => out += &format!("|={s}"),
                    None => {}
                }
                out
            }
            Item::Pause(secs) => format!("pause {secs}"),
            Item::Mark(MarkKind::Gesture(g)) => format!("gesture {g}"),
            Item::Mark(MarkKind::Look(l)) => format!("look {l}"),
            Item::Paragraph => "¶".to_owned(),
        })
        .collect()
}

#[test]
fn each_construct_means_what_it_says() {
    let cases: &[(&str, &[&str])] = &[
        ("Hello", &["Hello"]),
        ("a[pause 0.5s]b", &["a", "pause 0.5", "b"]),
        (
            "a[pause 300ms]b[pause]c",
            &["a", "pause 0.3", "b", "pause 0.5", "c"],
        ),
        ("你好【停顿 1秒】世界", &["你好", "pause 1", "世界"]),
        ("［停 200毫秒］好", &["pause 0.2", "好"]),
        ("[speed 1.5]quick[/speed] slow", &["quick|x1.5", " slow"]),
        ("[语速 0.8]慢[/语速]快", &["慢|x0.8", "快"]),
        ("[speed 2][speed 0.5]even[/speed][/speed]", &["even"]),
        ("[pitch +2]high[/pitch]", &["high|+2st"]),
        ("I *mean* it", &["I ", "mean|!", " it"]),
        ("3 * 4 * 5", &["3 * 4 * 5"]),
        ("[重读]就是[/重读]它", &["就是|!", "它"]),
        (
            "去银行[yin2 hang2]取钱",
            &["去", "银行|py yin2 hang2", "取钱"],
        ),
        ("行[háng]家", &["行|py hang2", "家"]),
        ("[read chong2 qing4]重庆[/read]", &["重庆|py chong2 qing4"]),
        ("[read /təˈmɑːtoʊ/]tomato[/read]", &["tomato|/təˈmɑːtoʊ/"]),
        (
            "[sub \"World Wide Web\"]WWW[/sub]",
            &["WWW|=World Wide Web"],
        ),
        ("[voice am_adam]Hi[/voice] 你好", &["Hi|am_adam", " 你好"]),
        ("[音色 zf_xiaoyi]从此换人", &["从此换人|zf_xiaoyi"]),
        (
            "[gesture wave]Hi[look left]",
            &["gesture wave", "Hi", "look left"],
        ),
        (
            "one\ntwo\n\n  three  four ",
            &["one⏎two", "¶", "three four"],
        ),
        (r"\[not a tag\] 2\*3 \\", &[r"[not a tag] 2*3 \"]),
        ("【新闻】今天", &["【新闻】今天"]),
        ("a < b, 1<2", &["a < b, 1<2"]),
        (
            "wait<break time=\"500ms\"/>go",
            &["wait", "pause 0.5", "go"],
        ),
        ("\u{feff}a\r\nb\u{a0}c", &["a⏎b c"]),
        (
            "<speak>Hi <phoneme alphabet=\"py\" ph=\"hang2\">行</phoneme> &amp; <p>new</p> end</speak>",
            &["Hi ", "行|py hang2", " & new", "¶", "end"],
        ),
        (
            "<?xml version=\"1.0\"?>\n<speak><prosody rate=\"+20%\" pitch=\"high\">x</prosody><voice name=\"zm_yunxi\">y</voice><bookmark mark='gesture.nod'/></speak>",
            &["x|x1.2|+3st", "y|zm_yunxi", "gesture nod"],
        ),
        (
            "<speak><emphasis level=\"strong\">a</emphasis><sub alias=\"b  b\">B</sub><break/></speak>",
            &["a|!", "B|=b b", "pause 0.5"],
        ),
    ];
    for (source, expected) in cases {
        assert_eq!(&shown(source), expected, "{source}");
    }
}

#[test]
fn errors_name_the_place_the_word_and_the_cure() {
    let cases = [
        (
            "",
            "line 1, column 1: the script says nothing: it has no words",
        ),
        (
            "[pause 1s] …",
            "line 1, column 1: the script says nothing: it has no words",
        ),
        (
            "one\ntwo [pasue 0.5s] three",
            "line 2, column 5: `[pasue 0.5s]` is not a tag (did you mean `pause`?); write \\[ for the character itself",
        ),
        (
            "see [1]",
            "line 1, column 5: `[1]` is not a tag; write \\[ for the character itself",
        ),
        (
            "a [pause",
            "line 1, column 3: `[pause` has no closing bracket",
        ),
        (
            "[speed 9]x[/speed]",
            "line 1, column 1: `[speed 9]`: `9` is not a speed from 0.25 to 4",
        ),
        (
            "[pause long]x",
            "line 1, column 1: `[pause long]`: `long` is not a time from 0 to 60 s; write 0.5s or 500ms",
        ),
        (
            "你好\n[speed 1.2]快",
            "line 2, column 1: `[speed 1.2]` is never closed: write [/speed] after the last word it is for",
        ),
        (
            "[speed 2]a[pitch 1]b[/speed]",
            "line 1, column 21: `[/speed]` closes nothing; the open tag is `[pitch 1]`",
        ),
        (
            "行[yin2 hang2]",
            "line 1, column 2: the reading `yin2 hang2` has 2 syllables for 1 Chinese characters (`行`)",
        ),
        (
            "[read yin2]银行[/read]",
            "line 1, column 1: the reading `yin2` has 1 syllables for 2 Chinese characters (`银行`)",
        ),
        (
            "<speak>a <brake/></speak>",
            "line 1, column 10: `<brake/>` is not a tag (did you mean `break`?); write \\< for the character itself",
        ),
        (
            "<speak>a &foo; b</speak>",
            "line 1, column 10: `&foo;` is not known; only &amp; &lt; &gt; &quot; &apos; and numbers are",
        ),
    ];
    for (source, expected) in cases {
        let error = parse(source).unwrap_err();
        assert_eq!(error.to_string(), expected, "{source}");
    }
}

#[test]
fn depth_and_length_are_limited() {
    let deep = "[speed 1.0]".repeat(65) + "x" + &"[/speed]".repeat(65);
    assert!(parse(&deep).unwrap_err().to_string().contains("nested"));
    assert!(parse(&"a".repeat((8 << 20) + 1)).is_err());
}

fn without_positions(script: &Script) -> Script {
    let mut script = script.clone();
    for item in &mut script.items {
        if let Item::Text(span) = item {
            span.position = huashen_script::Position { line: 1, column: 1 };
        }
    }
    script
}

fn style() -> impl Strategy<Value = Style> {
    (
        proptest::option::of("[a-z]{2}_[a-z]{3,8}"),
        prop_oneof![Just(1.0_f32), 0.25_f32..4.0],
        prop_oneof![Just(0.0_f32), -24.0_f32..24.0],
        any::<bool>(),
    )
        .prop_map(|(voice, speed, semitones, emphasised)| Style {
            voice,
            speed,
            semitones,
            emphasised,
        })
}

fn item() -> impl Strategy<Value = Item> {
    let position = huashen_script::Position { line: 1, column: 1 };
    let span = move |text: String, style, reading| {
        Item::Text(Span {
            text,
            style,
            reading,
            position,
        })
    };
    prop_oneof![
        (r"[a-zA-Z0-9,.!?\[\]*<>\\你好世界【】 ]{1,20}", style())
            .prop_map(move |(t, s)| span(t, s, None)),
        ("[一-三]{2}", style()).prop_map(move |(t, s)| span(
            t,
            s,
            Some(Reading::Pinyin(vec!["yi1".into(), "san1".into()]))
        )),
        ("[a-z]{1,8}", "[a-zəˈɪ ]{0,5}[a-zə]", style()).prop_map(move |(t, i, s)| span(
            t,
            s,
            Some(Reading::Ipa(i.trim().to_owned()))
        )),
        ("[A-Z]{1,4}", r#"[a-z"\[\]]{1,8}"#, style()).prop_map(move |(t, r, s)| span(
            t,
            s,
            Some(Reading::Sub(format!("x{r}x")))
        )),
        (0.0_f64..60.0).prop_map(Item::Pause),
        "[a-z_]{1,8}".prop_map(|g| Item::Mark(MarkKind::Gesture(g))),
        "[a-z]{1,8}".prop_map(|l| Item::Mark(MarkKind::Look(l))),
        Just(Item::Paragraph),
    ]
}

proptest! {
    /// Whatever is typed, the parser answers; what it accepts prints and parses to the same.
    #[test]
    fn any_text_is_answered(source in r"[a-z0-9 \[\]/*<>&;=\\'.\n你好行【】［］pauseS]{0,80}|\PC{0,60}") {
        if let Ok(parsed) = parse(&source) {
            let printed = parsed.script.to_markup();
            let again = parse(&printed).map_err(|e| TestCaseError::fail(format!("{printed}: {e}")))?;
            prop_assert_eq!(without_positions(&again.script), without_positions(&parsed.script), "{}", printed);
        }
    }

    #[test]
    fn any_ssml_is_answered(body in r#"[a-z &;<>/="'.0-9]{0,60}|(<break/>|<s>|</s>|<p>|</p>|<voice name="a">|</voice>|hi| |<emphasis>|</emphasis>){0,12}"#) {
        let _ = parse(&format!("<speak>{body}</speak>"));
    }

    #[test]
    fn scripts_survive_a_round_trip(list in proptest::collection::vec(item(), 1..12)) {
        // Printed once, the script is in the form that the parser gives.
        let printed = Script { items: list }.to_markup();
        let parsed = parse(&printed);
        // A list of pauses alone says nothing.
        prop_assume!(parsed.is_ok());
        let script = parsed.unwrap().script;
        let again = parse(&script.to_markup()).unwrap().script;
        prop_assert_eq!(without_positions(&again), without_positions(&script));
    }

    #[test]
    fn positions_lie_in_the_text(source in r"[a-z \n你行]{0,20}(\[pause 9x\]|\[foo\]|\[speed 1\]|行\[hang2\])[a-z \n]{0,10}") {
        let lines: Vec<&str> = source.split('\n').collect();
        let check = |p: huashen_script::Position| {
            p.line <= lines.len() && p.column <= lines[p.line - 1].chars().count() + 1
        };
        match parse(&source) {
            Err(e) => prop_assert!(check(e.position), "{e}"),
            Ok(parsed) => for item in parsed.script.items {
                if let Item::Text(span) = item {
                    prop_assert!(check(span.position), "{:?}", span);
                }
            },
        }
    }
}
