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
}
