//! A report as a table for people.

use std::fmt::Write as _;

use super::{AttributeAudit, AuditFinding, AuditReport};

/// Writes a report without its own text.
pub(super) fn write(report: &AuditReport) -> String {
    let mut text = String::new();
    let AuditReport { entity_type, at, records, attributes, findings, .. } = report;
    push(&mut text, format_args!("{entity_type}: {records} records, {at}\n\n"));
    let names = attributes.iter().map(|one| one.attribute.chars().count());
    let width = names.chain(["attribute".len()]).max().unwrap_or_default();
    push(
        &mut text,
        format_args!(
            "{:width$}  {:9}  {:>9}  {:>9}  {:>8}  {:>9}\n",
            "attribute", "kind", "filled", "missing", "complete", "different"
        ),
    );
    for AttributeAudit { attribute, kind, filled, missing, distinct } in attributes {
        let distinct = distinct.map_or_else(String::new, |distinct| distinct.to_string());
        let share = percent(*filled, *records);
        let kind = kind.name();
        push(
            &mut text,
            format_args!(
                "{attribute:width$}  {kind:9}  {filled:>9}  {missing:>9}  {share:>8}  {distinct:>9}\n"
            ),
        );
    }
    if !findings.is_empty() {
        push(&mut text, format_args!("\n{:width$}  {:9}  {:>9}\n", "attribute", "rule", "records"));
    }
    for finding in findings {
        let attribute = finding.attribute.as_deref().unwrap_or_default();
        let (rule, count, what) = (finding.rule.name(), finding.count, what(finding));
        let line = format!("{attribute:width$}  {rule:9}  {count:>9}  {what}");
        push(&mut text, format_args!("{}\n", line.trim_end()));
    }
    text
}

fn what(finding: &AuditFinding) -> String {
    match (&finding.value, &finding.expected, finding.lower, finding.upper) {
        (Some(value), Some(expected), ..) => format!("{value:?}, probably {expected:?}"),
        (.., Some(lower), Some(upper)) => format!("below {lower} or above {upper}"),
        _ => String::new(),
    }
}

/// Rounded down, so that only what is complete has 100 %.
fn percent(part: u64, whole: u64) -> String {
    match whole {
        0 => String::new(),
        _ => format!("{} %", u128::from(part) * 100 / u128::from(whole)),
    }
}

fn push(text: &mut String, words: std::fmt::Arguments<'_>) {
    text.write_fmt(words).expect("writing to a String cannot fail");
}
