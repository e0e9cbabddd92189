//! Text patterns with `*` (any text) and `?` (any one character). Pure.

use std::cmp::Reverse;

use wildmatch::WildMatch;

/// A pattern; one without `*` and `?` matches exactly its own text. Case counts.
#[derive(Debug, Clone)]
pub struct Glob {
    text: String,
    pattern: WildMatch,
}

/// How narrow a pattern is, the widest first: by its literal characters, then by its `?`, then by fewer
/// `*`. What is left after that is settled by the alphabet, so that the order is always a total one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Specificity {
    literal: usize,
    single: usize,
    stars: Reverse<usize>,
    text: Reverse<String>,
}

impl Glob {
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), pattern: WildMatch::new(text) }
    }

    #[must_use]
    pub fn has_wildcards(text: &str) -> bool {
        text.contains(['*', '?'])
    }

    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.pattern.matches(text)
    }

    #[must_use]
    pub fn specificity(&self) -> Specificity {
        let count = |wanted: fn(char) -> bool| self.text.chars().filter(|c| wanted(*c)).count();
        Specificity {
            literal: count(|c| !matches!(c, '*' | '?')),
            single: count(|c| c == '?'),
            stars: Reverse(count(|c| c == '*')),
            text: Reverse(self.text.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrower_patterns_are_more_specific() {
        let narrowing = ["*", "?*", "?", "a*", "acme-*", "acme-e*", "acme-e?", "acme-eu*", "acme-eu"];
        for pair in narrowing.windows(2) {
            assert!(
                Glob::new(pair[0]).specificity() < Glob::new(pair[1]).specificity(),
                "`{}` is not wider than `{}`",
                pair[0],
                pair[1]
            );
        }
        assert!(Glob::new("*b").specificity() < Glob::new("*a").specificity(), "the alphabet settles a tie");
    }

    /// What the words of [`Glob`] say, without any cleverness.
    fn fits(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), None) => fits(rest, text),
            (Some(('*', rest)), Some((_, less))) => fits(rest, text) || fits(pattern, less),
            (Some((p, rest)), Some((c, less))) => (*p == '?' || p == c) && fits(rest, less),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    #[test]
    fn nothing_but_star_and_question_mark_means_more_than_itself() {
        let fits = |pattern, text| Glob::new(pattern).matches(text);
        assert!(fits(r"a\b", r"a\b") && !fits(r"a\*b", "a*b") && fits(r"a\*b", r"a\xb"), "a backslash escapes nothing");
        assert!(fits("?", "é") && !fits("*?", "") && fits("**", "x") && fits("", "") && !fits("a", "A"));
    }

    proptest::proptest! {
        #[test]
        fn a_pattern_matches_what_its_words_say(pattern in "[a\\\\é*?]{0,8}", text in "[a\\\\é*]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            proptest::prop_assert_eq!(Glob::new(&pattern).matches(&text), fits(&chars(&pattern), &chars(&text)));
        }
    }
}
