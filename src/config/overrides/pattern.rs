//! The keys that name quotas.

use crate::catalogue::{self, Category};
use crate::domain::QuotaId;
use crate::domain::glob::{Glob, Specificity};

/// What `category:` stands before.
const CATEGORY: &str = "category:";

#[derive(Debug, Clone)]
pub(super) enum QuotaPattern {
    Category(String),
    Names(Glob),
    Name(String),
    Code(String),
}

/// How narrowly a quota is named, the widest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum QuotaRank {
    Category,
    Names(Specificity),
    Name,
    Code,
}

impl QuotaPattern {
    /// # Errors
    /// Why the key can mean no quota. A well-formed code always can: AWS adds quotas, and a rule may be
    /// older or newer than this catalogue.
    pub(super) fn new(key: &str) -> Result<Self, String> {
        let pattern = if let Some(category) = key.strip_prefix(CATEGORY) {
            Self::Category(category.to_owned())
        } else if is_code(key) {
            return Ok(Self::Code(key.to_owned()));
        } else if Glob::has_wildcards(key) {
            Self::Names(Glob::new(key))
        } else {
            Self::Name(key.to_owned())
        };
        if pattern.is_open() || catalogue::all().any(|q| pattern.matches(&q.id())) {
            return Ok(pattern);
        }
        Err(match pattern {
            Self::Category(_) => format!("`{key}` is no category; there are {}", quoted(&categories())),
            Self::Names(_) => format!("no quota in the catalogue has a name like `{key}`"),
            _ => format!(
                "`{key}` is neither the code nor the name of a quota in the catalogue{}",
                perhaps(&near_names(key))
            ),
        })
    }

    /// It may mean quotas that only Service Quotas knows: what it means is seen in a run.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Category(category) => *category == Category::Uncatalogued.as_str(),
            Self::Code(code) => catalogue::find(code).is_none(),
            Self::Names(_) | Self::Name(_) => false,
        }
    }

    pub(super) fn matches(&self, quota: &QuotaId) -> bool {
        match self {
            Self::Category(category) => *category == quota.category,
            Self::Names(glob) => glob.matches(&quota.name),
            Self::Name(name) => *name == quota.name,
            Self::Code(code) => *code == quota.code,
        }
    }

    pub(super) fn rank(&self) -> QuotaRank {
        match self {
            Self::Category(_) => QuotaRank::Category,
            Self::Names(glob) => QuotaRank::Names(glob.specificity()),
            Self::Name(_) => QuotaRank::Name,
            Self::Code(_) => QuotaRank::Code,
        }
    }

    /// How the key names the quota, in a word.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Category(_) => "category",
            Self::Names(_) => "name pattern",
            Self::Name(_) => "name",
            Self::Code(_) => "code",
        }
    }
}

/// Service Quotas' form: `L-` and eight hexadecimal digits in upper case.
fn is_code(text: &str) -> bool {
    text.strip_prefix("L-")
        .is_some_and(|hex| hex.len() == 8 && hex.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)))
}

fn categories() -> Vec<String> {
    let uncatalogued = Category::Uncatalogued.as_str().to_owned();
    let mut names: Vec<String> = catalogue::all().map(|q| q.id().category).chain([uncatalogued]).collect();
    names.sort();
    names.dedup();
    names
}

/// Up to three codes or names that a mistyped one may have meant, the most alike first.
pub(super) fn near_names(text: &str) -> Vec<String> {
    const ALIKE: f64 = 0.6;
    let wanted = text.to_lowercase();
    let likeness = |candidate: &str| {
        let candidate = candidate.to_lowercase();
        let part = !wanted.is_empty() && candidate.contains(&wanted);
        if part { 1.0 } else { strsim::normalized_damerau_levenshtein(&wanted, &candidate) }
    };
    let mut near: Vec<(f64, String)> = catalogue::all()
        .flat_map(|q| {
            let id = q.id();
            let name = if id.code == id.key() { format!("{} ({})", id.name, id.code) } else { id.name.clone() };
            [(likeness(&id.name), name.clone()), (likeness(&id.code), name)]
        })
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    near.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.cmp(other)));
    near.dedup_by(|(_, a), (_, b)| a == b);
    near.into_iter().map(|(_, name)| name).take(3).collect()
}

/// `; perhaps ... is meant`, or nothing.
pub(super) fn perhaps(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; perhaps {} is meant", names.join(", or ")) }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}
