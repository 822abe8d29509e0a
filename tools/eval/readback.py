#!/usr/bin/env python3
"""Speaks test sentences, has Whisper write down what it hears, counts the errors.

    python3 -m venv venv && venv/bin/pip install faster-whisper soundfile zhconv pypinyin
    venv/bin/python tools/eval/readback.py WHISPER_DIR

WHISPER_DIR is Whisper *base* (multilingual, MIT) as CTranslate2 keeps it: a
folder with config.json, model.bin, tokenizer.json and vocabulary.txt. Without
one at hand, `base` as WHISPER_DIR lets faster-whisper download it.

Reads tests/readback/{zh,en}.txt, one sentence a line, spoken by the default
voice of each language (engine/speech/examples/say_lines.rs). `--huashen BIN`
speaks through the binary instead, `--wavs DIR` hears DIR/01.wav … as they are.

Characters (zh) or words (en) are compared after both sides are written one
way: numbers, dates, money and units in words, simplified characters, lower
case, no punctuation. Nothing else is forgiven: a homophone is an error. Beside
it, `pinyin` counts syllables with their tones, so that a homophone is none.
"""
import argparse
import json
import re
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RATE_HZ = 16_000

# ---- Chinese, as said -------------------------------------------------------

DIGITS = "零一二三四五六七八九"
NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
HAN_UNITS = {
    "℃": "摄氏度", "°c": "摄氏度", "km": "公里", "kg": "公斤", "cm": "厘米", "mm": "毫米", "m": "米",
}


def han_digits(text):
    return "".join(DIGITS[int(c)] for c in text if c.isdigit())


def han_integer(text):
    n = int(text)
    if n == 0:
        return "零"
    groups = []
    while n:
        groups.append(n % 10_000)
        n //= 10_000
    out = ""
    for i in reversed(range(len(groups))):
        group = groups[i]
        if not group:
            continue
        part, zero = "", bool(out) and group < 1000
        for place, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
            digit = group // place % 10
            if digit:
                part += ("零" if zero else "") + DIGITS[digit] + unit
                zero = False
            elif part:
                zero = True
        out += ("零" if bool(out) and group < 1000 else "") + part.lstrip("零") + ["", "万", "亿", "万亿"][i]
    return out[1:] if out.startswith("一十") else out


def han_number(text):
    text = text.replace(",", "")
    whole, _, part = text.partition(".")
    return han_integer(whole) + ("点" + han_digits(part) if part else "")


def normal_zh(text):
    """The characters said, one list item each."""
    from zhconv import convert

    text = convert(unicodedata.normalize("NFKC", text).lower(), "zh-cn")
    n = f"(?:{NUMBER})"
    rules = [
        (r"(\d{4})(?=年)", lambda m: han_digits(m[1])),
        (r"(\d{1,2}):(\d{2})", lambda m: f"{han_integer(m[1])}点{han_integer(m[2])}分" if int(m[2]) else f"{han_integer(m[1])}点"),
        (rf"(-?)({n})\s*%", lambda m: "百分之" + ("负" if m[1] else "") + han_number(m[2])),
        (rf"\$\s*({n})([万亿]*)", lambda m: han_number(m[1]) + m[2] + "美元"),
        (rf"[¥￥]\s*({n})([万亿]*)", lambda m: han_number(m[1]) + m[2] + "元"),
        (r"(\d+)/(\d+)", lambda m: han_integer(m[2]) + "分之" + han_integer(m[1])),
        (rf"({n})\s*(℃|°c|km|kg|cm|mm|m)(?![a-z])", lambda m: han_number(m[1]) + HAN_UNITS[m[2]]),
        (rf"(?<![\w])-({n})", lambda m: "负" + han_number(m[1])),
        (rf"({n})", lambda m: han_number(m[1])),
        # One word, two spellings; a recogniser that writes digits tells neither.
        ("两", lambda m: "二"),
        ("〇", lambda m: "零"),
        ("点半", lambda m: "点三十分"),
        ("点整", lambda m: "点"),
    ]
    for pattern, said in rules:
        text = re.sub(pattern, said, text)
    return [c for c in text if c.isalnum()]


def pinyin_of(characters):
    from pypinyin import Style, lazy_pinyin

    return lazy_pinyin(
        "".join(characters), style=Style.TONE3, neutral_tone_with_five=True, errors=list
    )


# ---- English, as said -------------------------------------------------------

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}
MONTHS = "january february march april may june july august september october november december".split()
SAID = {
    "mr": "mister", "mrs": "missus", "ms": "miss", "dr": "doctor", "st": "street", "vs": "versus",
    "kg": "kilograms", "km": "kilometers", "km/h": "kilometers per hour", "kph": "kilometers per hour",
    "mph": "miles per hour", "cm": "centimeters", "mm": "millimeters", "m": "meters",
    "°c": "degrees celsius", "°f": "degrees fahrenheit", "%": "percent", "&": "and",
    "kilometres": "kilometers", "metres": "meters", "programme": "program", "ok": "okay",
}


def en_integer(n):
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + (" " + ONES[n % 10] if n % 10 else "")
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if n >= size:
            rest = n % size
            return f"{en_integer(n // size)} {name}" + (" " + en_integer(rest) if rest else "")
    raise AssertionError(n)


def en_number(text):
    text = text.replace(",", "")
    whole, _, part = text.partition(".")
    said = en_integer(int(whole)) if len(whole) < 13 else " ".join(ONES[int(c)] for c in whole)
    return said + (" point " + " ".join(ONES[int(c)] for c in part) if part else "")


def en_ordinal(n):
    head, _, last = en_integer(n).rpartition(" ")
    last = ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return f"{head} {last}".strip()


def en_year(text):
    n = int(text)
    if n % 1000 < 10:
        return en_integer(n)
    high, low = divmod(n, 100)
    return en_integer(high) + (" hundred" if low == 0 else " oh " + ONES[low] if low < 10 else " " + en_integer(low))


def normal_en(text):
    """The words said."""
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'").replace("−", "-")
    n = f"(?:{NUMBER})"
    months = "|".join(MONTHS)
    rules = [
        # Initials: u.s. → us, a.m. → am.
        (r"\b(?:[a-z]\.){2,}", lambda m: m[0].replace(".", "") + " "),
        (r"\b(?:[a-z] ){1,}[a-z]\b", lambda m: m[0].replace(" ", "") if not re.match(r"(a|i) ", m[0]) else m[0]),
        (rf"\b({months}) (\d{{1,2}})(?:st|nd|rd|th)?\b", lambda m: f"{m[1]} {en_ordinal(int(m[2]))} "),
        (r"\b(\d+)(?:st|nd|rd|th)\b", lambda m: en_ordinal(int(m[1]))),
        (r"\b(1[1-9]|20)(\d)0s\b", lambda m: en_integer(int(m[1])) + " " + TENS[int(m[2])][:-1] + "ies"),
        # Whisper also writes 705 am.
        (r"\b(\d{1,2})([0-5]\d)(?= [ap]m\b)", r"\1:\2"),
        (r"\b(\d{1,2}):00\b", lambda m: en_integer(int(m[1]))),
        (r"\b(\d{1,2}):0(\d)\b", lambda m: f"{en_integer(int(m[1]))} oh {ONES[int(m[2])]}"),
        (r"\b(\d{1,2}):(\d{2})\b", lambda m: f"{en_integer(int(m[1]))} {en_integer(int(m[2]))}"),
        (rf"\$\s*({n})( (?:thousand|million|billion|trillion))?", lambda m: f"{en_number(m[1])}{m[2] or ''} dollars "),
        (rf"({n})\s*%", lambda m: en_number(m[1]) + " percent "),
        (rf"({n})\s*(km/h|kph|mph|kg|km|cm|mm|m|°c|°f)(?![a-z])", lambda m: f"{en_number(m[1])} {SAID[m[2]]} "),
        (rf"(?<![\w])-(?=(?:{'|'.join(ONES + TENS[2:])}|\d))", lambda m: " minus "),
        (r"\b(1[1-9]\d\d|20\d\d)\b(?![,.]\d)", lambda m: en_year(m[1])),
        (rf"({n})", lambda m: f" {en_number(m[1])} "),
        # "two hundred and four" is "two hundred four".
        (rf"\b(hundred|thousand|million) and (?={'|'.join(ONES[1:] + TENS[2:])})", lambda m: m[1] + " "),
    ]
    for pattern, said in rules:
        text = re.sub(pattern, said, text)
    words = re.sub(r"[^\w°%&/']+", " ", text).replace("'", "").split()
    return " ".join(SAID.get(w, w) for w in words).split()


# ---- Comparing --------------------------------------------------------------


def distance(said, heard):
    """Substitutions, deletions and insertions (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, a in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def speak(args, language, lines, out):
    """Writes OUT/01.wav …; gives the speaker's own last line."""
    if args.huashen:
        for i, line in enumerate(lines, 1):
            script = out / f"{i:02}.txt"
            script.write_text(line + "\n", encoding="utf-8")
            voice = ["--voice", args.voice] if args.voice else []
            subprocess.run([args.huashen, "speak", script, "-o", out / f"{i:02}.wav", *voice], check=True)
        return ""
    text = out / "lines.txt"
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = "cargo run --quiet --release -p huashen-speech --example say_lines --".split()
    voice = [args.voice] if args.voice else []
    done = subprocess.run([*command, text, out, *voice], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip().splitlines()[-1]


def hear(model, path, language):
    import numpy as np
    import soundfile

    from faster_whisper.audio import decode_audio

    if path.suffix == ".wav" and soundfile.info(path).samplerate == RATE_HZ:
        sound = soundfile.read(path, dtype="float32", always_2d=True)[0].mean(1).astype(np.float32)
    else:
        sound = decode_audio(str(path), sampling_rate=RATE_HZ)
    # The prompt makes Whisper write simplified characters and whole sentences.
    prompt = "以下是普通话的句子。" if language == "zh" else None
    parts, _ = model.transcribe(
        sound, language=language, beam_size=5, condition_on_previous_text=False, initial_prompt=prompt
    )
    return "".join(p.text for p in parts).strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("whisper", help="folder of Whisper base (CTranslate2), or a size for faster-whisper to fetch")
    parser.add_argument("--language", choices=["zh", "en"], help="only this one")
    parser.add_argument("--text", type=Path, help="other sentences, one a line (with --language)")
    parser.add_argument("--voice", help="another voice")
    parser.add_argument("--huashen", metavar="BIN", help="speak with this binary")
    parser.add_argument("--wavs", type=Path, help="hear DIR/01.wav … (with --language)")
    parser.add_argument("--keep", type=Path, help="keep the sound in this folder")
    parser.add_argument("--threads", type=int, default=2, help="of the recogniser")
    parser.add_argument("--max", type=float, metavar="PERCENT", help="fail when a rate is above this")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if (args.text or args.wavs) and not args.language:
        parser.error("--text and --wavs need --language")
    from faster_whisper import WhisperModel

    model = WhisperModel(args.whisper, device="cpu", compute_type="int8", cpu_threads=args.threads)
    report, failed = {}, False
    for language in [args.language] if args.language else ["zh", "en"]:
        path = args.text or ROOT / "tests" / "readback" / f"{language}.txt"
        lines = [l.strip() for l in path.read_text(encoding="utf-8").splitlines() if l.strip()]
        with tempfile.TemporaryDirectory() as temporary:
            folder = args.wavs or (args.keep / language if args.keep else Path(temporary))
            cost = ""
            if not args.wavs:
                folder.mkdir(parents=True, exist_ok=True)
                cost = speak(args, language, lines, folder.resolve())
            normal = normal_zh if language == "zh" else normal_en
            rows = []
            for i, line in enumerate(lines, 1):
                text = hear(model, folder / f"{i:02}.wav", language)
                said, heard = normal(line), normal(text)
                row = {"line": line, "heard": text, "errors": distance(said, heard), "of": len(said)}
                if language == "zh":
                    said, heard = pinyin_of(said), pinyin_of(heard)
                    row |= {"pinyin_errors": distance(said, heard), "pinyin_of": len(said)}
                rows.append(row)
        rate = 100 * sum(r["errors"] for r in rows) / sum(r["of"] for r in rows)
        name = "CER" if language == "zh" else "WER"
        report[language] = {"measure": name, "percent": round(rate, 2), "rows": rows}
        failed |= args.max is not None and rate > args.max
        if language == "zh":
            pinyin = 100 * sum(r["pinyin_errors"] for r in rows) / sum(r["pinyin_of"] for r in rows)
            report[language]["pinyin_percent"] = round(pinyin, 2)
        if args.json:
            continue
        print(f"\n| {language} | errors | of | said / heard |\n| --- | --- | --- | --- |")
        for i, r in enumerate(rows, 1):
            print(f"| {i} | {r['errors']} | {r['of']} | {r['line']} |")
            if r["errors"]:
                print(f"| | | | {r['heard']} |")
        errors, of = sum(r["errors"] for r in rows), sum(r["of"] for r in rows)
        beside = f"; pinyin with tones {pinyin:.2f} %" if language == "zh" else ""
        print(f"\n{language}: {name} {rate:.2f} % ({errors} of {of}){beside}")
        if cost:
            print(cost)
    if args.json:
        json.dump(report, sys.stdout, ensure_ascii=False, indent=1)
        print()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
