//! IPA → articulatory features.
//!
//! A phoneme is read character by character into [`Atom`]s (one vowel or one
//! consonant each). A symbol the tables do not hold degrades: a letter becomes
//! a neutral consonant, anything else is ignored. Nothing panics.

/// What the lips and jaw do for one consonant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Lips sealed: p b m ɓ ʙ.
    Bilabial,
    /// Lips near each other without touching: ɸ β.
    BilabialFricative,
    /// Lower lip against the upper teeth: f v ɱ.
    Labiodental,
    /// Same, without pressure: ʋ.
    LabiodentalApproximant,
    /// Tongue between or against the teeth: θ ð.
    Dental,
    /// t d n and the like.
    Alveolar,
    /// s z ts: teeth together, lips spread.
    Sibilant,
    /// l ɾ: tongue tip visible.
    Lateral,
    /// ʃ ʒ tʃ dʒ: teeth together, lips funnelled.
    PostAlveolar,
    /// Mandarin zh ch sh r, English ɹ: rounded a little.
    Retroflex,
    /// English and Mandarin r-like approximants.
    Rhotic,
    /// ɕ tɕ ç j: spread.
    Palatal,
    /// k g ŋ x and further back: the lips follow their neighbours.
    Back,
    /// w ɥ: tight rounding.
    LabialGlide,
    /// h ɦ ʔ: no shape of its own.
    Glottal,
    /// A letter that no table knows.
    Unknown,
}

/// A vowel by its features, each 0…1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vowel {
    /// 0 close (i, u) … 1 open (a).
    pub open: f32,
    /// 0 front … 1 back.
    pub back: f32,
    /// 0 spread or neutral … 1 fully rounded.
    pub round: f32,
}

/// One articulatory event inside a phoneme.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Atom {
    Vowel(Vowel),
    Consonant {
        place: Place,
        /// Stops and affricates hold; nasals hold longest.
        nasal: bool,
        /// Labialised (`kʷ`).
        labialised: bool,
    },
}

const fn vowel(open: f32, back: f32, round: f32) -> Atom {
    Atom::Vowel(Vowel { open, back, round })
}

const fn consonant(place: Place) -> Atom {
    Atom::Consonant {
        place,
        nasal: false,
        labialised: false,
    }
}

const fn nasal(place: Place) -> Atom {
    Atom::Consonant {
        place,
        nasal: true,
        labialised: false,
    }
}

/// The IPA chart (2020), reduced to what a face shows. Openness follows the
/// chart's height rows; the mid-open `ɪ ʊ` sit between rows.
fn atom(symbol: char) -> Option<Atom> {
    use Place as P;
    Some(match symbol {
        'i' => vowel(0.08, 0.0, 0.0),
        'y' => vowel(0.08, 0.0, 1.0),
        'ɨ' | 'ᵻ' => vowel(0.14, 0.5, 0.0),
        'ʉ' => vowel(0.1, 0.5, 0.9),
        'ɯ' => vowel(0.12, 1.0, 0.2),
        'u' => vowel(0.08, 1.0, 1.0),
        'ɪ' => vowel(0.24, 0.15, 0.0),
        'ʏ' => vowel(0.22, 0.15, 0.85),
        'ʊ' => vowel(0.24, 0.85, 0.7),
        'e' => vowel(0.36, 0.0, 0.0),
        'ø' => vowel(0.34, 0.0, 0.85),
        'ɘ' => vowel(0.36, 0.5, 0.0),
        'ɵ' => vowel(0.34, 0.5, 0.8),
        'ɤ' => vowel(0.4, 1.0, 0.0),
        'o' => vowel(0.4, 1.0, 0.85),
        'ə' | 'ᵊ' | 'ɚ' => vowel(0.4, 0.5, 0.0),
        'ɛ' => vowel(0.58, 0.05, 0.0),
        'œ' => vowel(0.54, 0.05, 0.7),
        'ɜ' | 'ɝ' => vowel(0.46, 0.5, 0.1),
        'ɞ' => vowel(0.54, 0.5, 0.7),
        'ʌ' => vowel(0.64, 0.8, 0.0),
        'ɔ' => vowel(0.62, 1.0, 0.7),
        'æ' => vowel(0.82, 0.1, 0.0),
        'ɐ' => vowel(0.78, 0.5, 0.0),
        'a' => vowel(0.95, 0.4, 0.0),
        'ɶ' => vowel(0.9, 0.1, 0.5),
        'ɑ' => vowel(0.98, 0.9, 0.0),
        'ɒ' => vowel(0.88, 1.0, 0.5),

        'p' | 'b' | 'ɓ' | 'ʙ' | 'ʘ' => consonant(P::Bilabial),
        'm' => nasal(P::Bilabial),
        'ɸ' | 'β' => consonant(P::BilabialFricative),
        'f' | 'v' | 'ⱱ' => consonant(P::Labiodental),
        'ɱ' => nasal(P::Labiodental),
        'ʋ' => consonant(P::LabiodentalApproximant),
        'θ' | 'ð' | 'ǀ' => consonant(P::Dental),
        't' | 'd' | 'ɗ' | 'ǃ' => consonant(P::Alveolar),
        'n' => nasal(P::Alveolar),
        's' | 'z' => consonant(P::Sibilant),
        'l' | 'ɫ' | 'ɾ' | 'ɬ' | 'ɮ' | 'ɺ' | 'r' | 'ǁ' => consonant(P::Lateral),
        'ʃ' | 'ʒ' => consonant(P::PostAlveolar),
        'ʈ' | 'ɖ' | 'ʂ' | 'ʐ' | 'ɽ' | 'ɭ' => consonant(P::Retroflex),
        'ɳ' => nasal(P::Retroflex),
        'ɹ' | 'ɻ' => consonant(P::Rhotic),
        'ɕ' | 'ʑ' | 'ç' | 'ʝ' | 'j' | 'c' | 'ɟ' | 'ʎ' | 'ʄ' => consonant(P::Palatal),
        'ɲ' => nasal(P::Palatal),
        'k' | 'ɡ' | 'g' | 'x' | 'ɣ' | 'ɰ' | 'q' | 'ɢ' | 'χ' | 'ʁ' | 'ʀ' | 'ɠ' | 'ʛ' | 'ʟ' => {
            consonant(P::Back)
        }
        'ŋ' | 'ɴ' => nasal(P::Back),
        'w' | 'ʍ' | 'ɥ' => consonant(P::LabialGlide),
        'h' | 'ɦ' | 'ʔ' | 'ħ' | 'ʕ' | 'ɧ' => consonant(P::Glottal),
        'ʧ' | 'ʤ' => consonant(P::PostAlveolar),
        'ʨ' | 'ʥ' => consonant(P::Palatal),
        'ʦ' | 'ʣ' => consonant(P::Sibilant),
        'ꭧ' => consonant(P::Retroflex),
        _ => return None,
    })
}

/// Kokoro's English letters for whole diphthongs.
fn kokoro_diphthong(symbol: char) -> Option<[char; 2]> {
    Some(match symbol {
        'A' => ['e', 'ɪ'],
        'I' => ['a', 'ɪ'],
        'O' => ['o', 'ʊ'],
        'Q' => ['ə', 'ʊ'],
        'W' => ['a', 'ʊ'],
        'Y' => ['ɔ', 'ɪ'],
        _ => return None,
    })
}

/// The atoms of `ipa`, in order; consonant runs (affricates, clusters written
/// as one segment) are merged to the one the lips show. Empty when `ipa` holds
/// no sound.
pub fn atoms(ipa: &str) -> Vec<Atom> {
    let mut found: Vec<Atom> = Vec::new();
    for symbol in ipa.chars().take(32) {
        if let Some(pair) = kokoro_diphthong(symbol) {
            found.extend(pair.into_iter().filter_map(atom));
            continue;
        }
        // Kokoro's T is a flap; other capitals are taken for their small letter.
        let plain = symbol.to_ascii_lowercase();
        if let Some(a) = atom(plain) {
            push(&mut found, a);
            continue;
        }
        match symbol {
            'ʷ' | '\u{32b}' => {
                if let Some(Atom::Consonant { labialised, .. }) = found.last_mut() {
                    *labialised = true;
                }
            }
            // Syllabic: Mandarin's apical vowels (ɹ̩ in si, ɻ̩ in shi), English l̩ n̩.
            '\u{329}' | '\u{30d}' => {
                if let Some(last) = found.last_mut() {
                    *last = syllabic(*last);
                }
            }
            '˞' => {
                if let Some(Atom::Vowel(v)) = found.last_mut() {
                    v.round = v.round.max(0.15);
                }
            }
            c if c.is_alphabetic() && !is_modifier(c) => {
                push(&mut found, consonant(Place::Unknown));
            }
            _ => {}
        }
    }
    found
}

/// Superscripts, stress, length and tone letters have no shape.
fn is_modifier(c: char) -> bool {
    matches!(c, '\u{2b0}'..='\u{2ff}' | '\u{300}'..='\u{36f}' | 'ⁿ' | 'ᵐ' | 'ᵑ' | '\u{1d2c}'..='\u{1d6a}')
}

fn push(found: &mut Vec<Atom>, next: Atom) {
    if let (Some(Atom::Consonant { place: last, .. }), Atom::Consonant { place, .. }) =
        (found.last(), next)
    {
        // In a run the seal of the lips wins, else the release does.
        if *last != Place::Bilabial {
            found.pop();
            found.push(next);
        } else if place == Place::Bilabial {
            found.push(next);
        }
        return;
    }
    found.push(next);
}

fn syllabic(a: Atom) -> Atom {
    match a {
        Atom::Consonant {
            place: Place::Rhotic | Place::Retroflex,
            ..
        } => vowel(0.2, 0.5, 0.35),
        Atom::Consonant {
            place: Place::Sibilant,
            ..
        } => vowel(0.1, 0.2, 0.0),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(ipa: &str) -> Place {
        match atoms(ipa).as_slice() {
            [Atom::Consonant { place, .. }] => *place,
            other => panic!("{ipa}: {other:?}"),
        }
    }

    #[test]
    fn affricates_and_diacritics_keep_the_visible_place() {
        assert_eq!(place("t͡ʃ"), Place::PostAlveolar);
        assert_eq!(place("ʈʂʰ"), Place::Retroflex);
        assert_eq!(place("tɕʰ"), Place::Palatal);
        assert_eq!(place("ts"), Place::Sibilant);
        assert_eq!(place("pʰ"), Place::Bilabial);
        assert_eq!(place("p͡f"), Place::Bilabial);
        assert_eq!(place("k͡p"), Place::Bilabial);
        assert_eq!(place("Ж"), Place::Unknown);
        assert!(atoms("ˈ").is_empty());
        assert!(atoms("↗").is_empty());
    }

    #[test]
    fn every_letter_of_the_voice_has_a_shape() {
        // The letters of Kokoro-82M's vocabulary.
        let letters = "ʣʥʦʨꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔᵻ";
        for c in letters.chars() {
            let found = atoms(&c.to_string());
            let unknown = |a: &Atom| {
                matches!(
                    a,
                    Atom::Consonant {
                        place: Place::Unknown,
                        ..
                    }
                )
            };
            assert!(!found.is_empty() && !found.iter().any(unknown), "{c}");
        }
        for c in "ᵝʰʲːˈˌ↗\u{303}".chars() {
            assert!(atoms(&c.to_string()).is_empty(), "{c}");
        }
    }

    #[test]
    fn diphthongs_and_syllabics_are_vowels() {
        assert_eq!(atoms("aɪ").len(), 2);
        assert_eq!(atoms("A").len(), 2);
        assert!(matches!(atoms("ɻ̩").as_slice(), [Atom::Vowel(_)]));
        assert!(matches!(
            atoms("kʷ").as_slice(),
            [Atom::Consonant {
                labialised: true,
                ..
            }]
        ));
        assert!(matches!(atoms("ɑ̃").as_slice(), [Atom::Vowel(_)]));
    }

    proptest! {
        #[test]
        fn any_text_gives_atoms_without_a_panic(text in ".{0,60}") {
            prop_assert!(atoms(&text).len() <= 64);
        }
    }
}
