//! An explanation as text for a person.

use std::fmt::Write as _;

use crate::config::overrides::Explanation;

/// The verdict first, then every rule that has a say, the most specific first.
#[must_use]
pub fn render(told: &Explanation) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{} ({})", told.quota_name, told.quota_code);
    let _ = writeln!(text, "{}, category \"{}\", counted per {}", told.service_code, told.category, told.scope);
    let instance: Vec<&str> =
        [&told.instance_alias, &told.instance_id].into_iter().flatten().map(String::as_str).collect();
    if !instance.is_empty() {
        let _ = writeln!(text, "Instance: {}", instance.join(", "));
    }
    let _ = writeln!(text, "\nWhat applies:");
    for (name, decided, unit) in [
        ("warning at", &told.threshold_percentage, " %"),
        ("critical at", &told.critical_percentage, " %"),
        ("limit", &told.limit, ""),
    ] {
        let value = decided.value.map_or_else(|| "as found".to_owned(), |v| format!("{v}{unit}"));
        let _ = writeln!(text, "  {name:<12} {value:<10} from {}", decided.from);
    }
    let mute = &told.mute;
    let detail = match (&mute.reason, &mute.until, &mute.from) {
        (Some(reason), Some(until), Some(from)) if mute.state == "active" => {
            format!("until {until} ({reason}), from {from}")
        }
        (Some(reason), Some(until), Some(from)) => {
            format!("no longer: it ended at {until} ({reason}), from {from}")
        }
        (_, _, Some(from)) => format!("no, from {from}"),
        _ => "no".to_owned(),
    };
    let _ = writeln!(text, "  {:<12} {detail}", "muted");
    if told.rules.is_empty() {
        let _ = write!(text, "\nNo rule of QUOTA_OVERRIDES names this quota.");
        return text;
    }
    let _ = writeln!(text, "\nRules that name it, the most specific first:");
    for (n, rule) in told.rules.iter().enumerate() {
        let named = match rule.instance_named_by {
            Some(instance) => format!("quota by {}, instance by {instance}", rule.quota_named_by),
            None => format!("quota by {}", rule.quota_named_by),
        };
        let _ = writeln!(text, "  {}. {} ({named})", n + 1, rule.rule);
        let numbers = [
            ("threshold_percentage", rule.threshold_percentage),
            ("critical_percentage", rule.critical_percentage),
            ("limit", rule.limit),
        ];
        let mut sets: Vec<String> =
            numbers.iter().filter_map(|(name, value)| value.map(|v| format!("{name} {v}"))).collect();
        sets.extend(rule.mute.as_ref().map(|mute| format!("mute {mute}")));
        let _ = writeln!(text, "     sets {}", sets.join(", "));
        match rule.applies {
            Some(true) => {}
            Some(false) => {
                let _ = writeln!(text, "     does not apply: {}", rule.why.as_deref().unwrap_or("another instance"));
            }
            None => {
                let _ = writeln!(
                    text,
                    "     may apply, and is left out above: {}",
                    rule.why.as_deref().unwrap_or_default()
                );
            }
        }
    }
    text.trim_end().to_owned()
}
