//! `{{name}}`: what mail-merge puts into scripts, titles and file names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::batch::nearest;

/// The values of one job, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values(BTreeMap<String, String>);

impl Values {
    /// Later values of a name replace earlier ones.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.trim().to_owned(), value.to_owned());
    }

    /// By the very name, or by one that differs in case only.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .or_else(|| {
                let name = name.to_lowercase();
                self.0
                    .iter()
                    .find_map(|(n, v)| (n.to_lowercase() == name).then_some(v))
            })
            .map(String::as_str)
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Longer names are text that forgot to close its braces.
const LONGEST_NAME_CHARS: usize = 80;

/// Puts the values in; every placeholder that has none is an error of its own.
/// `\{{` is `{{` itself.
///
/// # Errors
/// One text for each placeholder that is wrong.
pub fn expand(template: &str, values: &Values) -> Result<String, Vec<String>> {
    expand_with(template, values, |value, out| out.push_str(value))
}

/// [`expand`] for file names: a value cannot leave its folder or hold what
/// some system refuses in names.
pub fn file_name(template: &str, values: &Values) -> Result<String, Vec<String>> {
    let name = expand_with(template, values, |value, out| {
        let value = value.trim();
        // A value that is all dots would be a folder.
        let dots = !value.is_empty() && value.chars().all(|c| c == '.');
        out.extend(value.chars().map(|c| match c {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            '.' if dots => '_',
            c if c.is_control() => '_',
            c => c,
        }));
    })?;
    Ok(name.trim().replace('\\', "/"))
}

fn expand_with(
    template: &str,
    values: &Values,
    put: impl Fn(&str, &mut String),
) -> Result<String, Vec<String>> {
    let mut out = String::with_capacity(template.len());
    let mut wrong = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find("{{") {
        let (before, after) = (&rest[..open], &rest[open + 2..]);
        if let Some(before) = before.strip_suffix('\\') {
            out.push_str(before);
            out.push_str("{{");
            rest = after;
            continue;
        }
        out.push_str(before);
        let Some(close) = after.find("}}").filter(|end| {
            after[..*end].chars().count() <= LONGEST_NAME_CHARS && !after[..*end].contains('\n')
        }) else {
            let shown: String = after.chars().take(16).collect();
            wrong.push(format!(
                "`{{{{{}` is never closed: write {{{{name}}}}, or \\{{{{ for the braces themselves",
                shown.lines().next().unwrap_or_default()
            ));
            rest = after;
            continue;
        };
        let name = after[..close].trim();
        match values.get(name) {
            Some(value) => put(value, &mut out),
            None => wrong.push(unknown(name, values)),
        }
        rest = &after[close + 2..];
    }
    out.push_str(rest);
    if wrong.is_empty() {
        Ok(out)
    } else {
        Err(wrong)
    }
}

fn unknown(name: &str, values: &Values) -> String {
    let near = nearest(name, values.names());
    let hint = if near.is_empty() {
        let names: Vec<&str> = values.names().collect();
        match names.is_empty() {
            true => "nothing has a name here".to_owned(),
            false => format!("these have one: {}", names.join(", ")),
        }
    } else {
        format!("did you mean {}?", near.join(", "))
    };
    format!("there is no `{name}` for {{{{{name}}}}}; {hint}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        let mut values = Values::default();
        for (name, value) in pairs {
            values.set(name, value);
        }
        values
    }

    #[test]
    fn names_become_their_values() {
        let v = values(&[("姓名", "小明"), ("City", "Paris {{x}}")]);
        assert_eq!(
            expand("{{姓名}}, {{ city }}: \\{{姓名}} }} {x}", &v).unwrap(),
            "小明, Paris {{x}}: {{姓名}} }} {x}"
        );
    }

    #[test]
    fn every_wrong_name_is_told_at_once() {
        let v = values(&[("name", "x")]);
        let wrong = expand("{{nmae}} {{other}} {{never", &v).unwrap_err();
        assert_eq!(wrong.len(), 3);
        assert!(wrong[0].contains("did you mean name?"), "{}", wrong[0]);
        assert!(wrong[2].contains("never closed"), "{}", wrong[2]);
    }

    #[test]
    fn a_value_stays_in_its_folder() {
        let v = values(&[("a", "../x:y\n"), ("b", "..")]);
        assert_eq!(
            file_name("d/{{a}}-{{b}}.mp4", &v).unwrap(),
            "d/.._x_y-__.mp4"
        );
    }

    proptest! {
        #[test]
        fn text_without_braces_is_left_alone(text in "[^{\\\\]*", name in "[a-z]{1,5}", value in ".*") {
            let v = values(&[(&name, &value)]);
            prop_assert_eq!(expand(&text, &v).unwrap(), text.clone());
            let whole = format!("{text}{{{{{name}}}}}{text}");
            prop_assert_eq!(expand(&whole, &v).unwrap(), format!("{text}{value}{text}"));
        }

        #[test]
        fn any_template_ends(text in "[{}\\\\a\n你]*") {
            expand(&text, &values(&[("a", "b")])).ok();
        }

        #[test]
        fn file_names_never_leave(value in ".*") {
            let name = file_name("{{a}}", &values(&[("a", &value)])).unwrap();
            prop_assert!(!name.contains('/') && name != ".." && name != ".");
        }
    }
}
