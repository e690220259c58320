//! Every text of the console, in every language. A text that lacks a language does not compile. `everywhere` has what several
//! parts of the console say, each part its own.

/// Makes the texts of one part of the console: `plain` ones, `counted` ones with a number in them, and the `parts` that have
/// catalogues of their own.
macro_rules! texts {
    (
        $(parts { $($part:ident)* })?
        plain { $($name:ident: $english:literal, $french:literal;)* }
        counted { $($number:ident: $one:literal / $more:literal, $un:literal / $plusieurs:literal;)* }
    ) => {
        /// The texts of one language.
        #[derive(Debug)]
        pub struct Texts {
            /// The language.
            pub language: $crate::Language,
            $($(#[doc = concat!("Texts of `", stringify!($part), "`.")] pub $part: &'static super::$part::Texts,)*)?
            $(#[doc = $english] pub $name: &'static str,)*
            $(#[doc = $more] pub $number: $crate::Counted,)*
        }

        pub(super) static ENGLISH: Texts = Texts {
            language: $crate::Language::English,
            $($($part: &super::$part::ENGLISH,)*)?
            $($name: $english,)*
            $($number: $crate::Counted::new($crate::Language::English, $one, $more),)*
        };

        pub(super) static FRENCH: Texts = Texts {
            language: $crate::Language::French,
            $($($part: &super::$part::FRENCH,)*)?
            $($name: $french,)*
            $($number: $crate::Counted::new($crate::Language::French, $un, $plusieurs),)*
        };

        #[cfg(test)]
        pub(super) const NAMES: &[(&str, &str, &str)] = &[
            $((stringify!($name), $english, $french),)*
            $((stringify!($number), $one, $un), (stringify!($number), $more, $plusieurs),)*
        ];
    };
}

pub(crate) mod content;
mod everywhere;
pub(crate) mod operator;
pub(crate) mod people;
pub(crate) mod policies;
pub(crate) mod settings;
pub(crate) mod work;

use crate::values::Bytes;
pub use everywhere::Texts;

/// A language that the console speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// French.
    French,
}

impl Language {
    /// All of them, as they are offered.
    pub const ALL: [Self; 2] = [Self::English, Self::French];

    /// Its code, as in `lang` and `Accept-Language` (RFC 5646).
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// Its name in itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::French => "Français",
        }
    }

    /// Its texts.
    pub const fn texts(self) -> &'static Texts {
        match self {
            Self::English => &everywhere::ENGLISH,
            Self::French => &everywhere::FRENCH,
        }
    }

    /// The language of a code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|language| language.code() == code)
    }

    /// The first language of an `Accept-Language` header that there is, English without one (RFC 9110, 12.5.4; browsers list
    /// the languages in the order of preference).
    pub fn accepted(header: &str) -> Self {
        let mut codes = header
            .split(',')
            .map(|part| part.split([';', '-']).next().unwrap_or_default().trim());
        codes
            .find_map(|code| Self::of_code(&code.to_ascii_lowercase()))
            .unwrap_or(Self::English)
    }

    /// Whether something is one in this language: French counts nought so, too.
    const fn is_one(self, count: u64) -> bool {
        match self {
            Self::English => count == 1,
            Self::French => count < 2,
        }
    }

    /// What stands between groups of three digits, and before tenths.
    const fn separators(self) -> (char, char) {
        match self {
            Self::English => (',', '.'),
            Self::French => ('\u{202f}', ','),
        }
    }

    /// A whole number as people read it.
    pub fn number(self, number: u64) -> String {
        let digits = number.to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3 * 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(self.separators().0);
            }
            text.push(digit);
        }
        text
    }

    /// A number with one digit after the point.
    pub(crate) fn tenths(self, tenths: u64) -> String {
        let whole = self.number(tenths / 10);
        format!("{whole}{}{}", self.separators().1, tenths % 10)
    }
}

/// A text with a number in it, at the place of `{}`.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    language: Language,
    one: &'static str,
    more: &'static str,
}

impl Counted {
    pub(crate) const fn new(language: Language, one: &'static str, more: &'static str) -> Self {
        Self {
            language,
            one,
            more,
        }
    }

    /// The text for so many.
    pub fn of(&self, count: &u64) -> String {
        let text = if self.language.is_one(*count) {
            self.one
        } else {
            self.more
        };
        text.replace("{}", &self.language.number(*count))
    }
}
/// Templates hand over references.
impl Texts {
    /// A whole number.
    pub fn number(&self, number: &u64) -> String {
        self.language.number(*number)
    }

    /// A size.
    pub fn size(&self, size: &Bytes) -> String {
        size.text(self.language)
    }
}

/// Puts one value at the place of `{}`.
pub fn fill(text: &str, value: &str) -> String {
    text.replacen("{}", value, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_same_places_in_every_language() {
        let parts = [
            everywhere::NAMES,
            content::NAMES,
            operator::NAMES,
            people::NAMES,
            policies::NAMES,
            settings::NAMES,
            work::NAMES,
        ];
        for (name, english, french) in parts.into_iter().flatten() {
            assert_eq!(
                english.matches("{}").count(),
                french.matches("{}").count(),
                "{name}"
            );
            assert!(!english.is_empty() && !french.is_empty(), "{name}");
        }
    }

    #[test]
    fn numbers_are_written_as_their_readers_do() {
        let written = Language::ALL.map(|language| {
            let counted = &language.texts().count_artifacts;
            (
                language.number(1_234_567),
                language.tenths(12_345),
                counted.of(&0),
                counted.of(&1),
                counted.of(&2000),
            )
        });
        let english = (
            "1,234,567",
            "1,234.5",
            "0 artifacts",
            "1 artifact",
            "2,000 artifacts",
        );
        let french = (
            "1\u{202f}234\u{202f}567",
            "1\u{202f}234,5",
            "0 artefact",
            "1 artefact",
            "2\u{202f}000 artefacts",
        );
        for (written, expected) in written.iter().zip([english, french]) {
            let (whole, tenths, none, one, many) = written;
            assert_eq!(
                (
                    whole.as_str(),
                    tenths.as_str(),
                    none.as_str(),
                    one.as_str(),
                    many.as_str()
                ),
                expected
            );
        }
    }

    #[test]
    fn the_first_language_that_there_is_is_spoken() {
        for (header, expected) in [
            ("", Language::English),
            ("de, fr;q=0.8, en;q=0.5", Language::French),
            ("FR-ca", Language::French),
            ("en-GB,fr", Language::English),
            (";,,-;q", Language::English),
        ] {
            assert_eq!(Language::accepted(header), expected, "{header}");
        }
    }
}
