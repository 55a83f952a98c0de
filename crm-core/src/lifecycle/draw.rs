//! Lifecycles as drawings: state diagrams of Mermaid, graphs of Graphviz.
//!
//! The stages in order stand in one box; what is lost or beside the way stands outside, for it can be
//! reached from anywhere within. The same definition gives the same text to the byte.

use std::fmt::Write as _;

use super::{DrawingFormat, Lifecycle, StageKind, StageTrigger};

/// What sets a trigger off, in words.
pub(crate) fn trigger_text(trigger: &StageTrigger) -> String {
    let mut text = match (&trigger.activity, &trigger.related) {
        (Some(kind), _) => match &trigger.filter {
            Some(filter) => format!("activity {kind} with {filter}"),
            None => format!("activity {kind}"),
        },
        (None, Some(related)) => {
            let primary = if related.only_primary { "primary " } else { "" };
            let inverse = if related.inverse { "inverse " } else { "" };
            format!(
                "{primary}{inverse}{} at least {} in {}",
                related.related, related.stage, related.lifecycle
            )
        }
        (None, None) => match &trigger.inactive_for {
            Some(span) => format!("nothing happens for {span}"),
            None => String::new(),
        },
    };
    if let Some(condition) = &trigger.condition {
        text.push_str(if text.is_empty() { "when " } else { ", when " });
        text.push_str(&condition.to_string());
    }
    text
}

/// A line of a drawing: from one stage, or the box, to another, with a label.
struct Edge<'a> {
    from: Option<&'a str>,
    to: Option<&'a str>,
    labels: Vec<String>,
}

/// Draws a lifecycle.
pub(crate) fn draw(lifecycle: &Lifecycle, format: DrawingFormat) -> String {
    let stages = &lifecycle.stages;
    let labels = |name: &str| {
        let own = lifecycle.triggers.iter().filter(|trigger| trigger.to == name);
        let mut labels: Vec<String> = own.map(trigger_text).collect();
        let guard = stages.iter().find(|stage| stage.name == name);
        labels.extend(
            guard.and_then(|stage| stage.guard.as_ref()).map(|guard| format!("if {guard}")),
        );
        labels
    };
    let ordered: Vec<&str> = stages
        .iter()
        .filter(|stage| stage.kind.is_ordered())
        .map(|stage| stage.name.as_str())
        .collect();
    let steps = ordered.windows(2).map(|pair| Edge {
        from: Some(pair[0]),
        to: Some(pair[1]),
        labels: labels(pair[1]),
    });
    let steps: Vec<Edge<'_>> = steps.collect();
    let mut others = Vec::new();
    for stage in stages.iter().filter(|stage| !stage.kind.is_ordered()) {
        let name = stage.name.as_str();
        others.push(Edge { from: None, to: Some(name), labels: labels(name) });
        let back = match (stage.kind, stage.automatic_exit) {
            (StageKind::Lost, false) => "by hand, new cycle",
            (StageKind::Lost, true) => "new cycle",
            (_, false) => "by hand",
            (_, true) => "",
        };
        let labels = if back.is_empty() { Vec::new() } else { vec![back.to_owned()] };
        others.push(Edge { from: Some(name), to: None, labels });
    }
    match format {
        DrawingFormat::Mermaid => mermaid(lifecycle, &steps, &others),
        DrawingFormat::Dot => dot(lifecycle, &steps, &others),
    }
}

fn mermaid(lifecycle: &Lifecycle, steps: &[Edge<'_>], others: &[Edge<'_>]) -> String {
    let mut text = String::from("stateDiagram-v2\n    direction LR\n");
    let id = |name: Option<&str>| name.map_or("way".to_owned(), |name| format!("s_{name}"));
    let line = |edge: &Edge<'_>| {
        let labels = mermaid_text(&edge.labels.join(" / "));
        let colon = if labels.is_empty() { "" } else { " : " };
        format!("{} --> {}{colon}{labels}\n", id(edge.from), id(edge.to))
    };
    push(&mut text, format_args!("    state \"{}\" as way {{\n", mermaid_text(&lifecycle.label)));
    for stage in lifecycle.stages.iter().filter(|stage| stage.kind.is_ordered()) {
        let (label, name) = (mermaid_text(&stage.label), &stage.name);
        push(&mut text, format_args!("        state \"{label}\" as s_{name}\n"));
    }
    if let Some(initial) = &lifecycle.initial {
        push(&mut text, format_args!("        [*] --> s_{initial}\n"));
    }
    for edge in steps {
        push(&mut text, format_args!("        {}", line(edge)));
    }
    text.push_str("    }\n");
    for stage in lifecycle.stages.iter().filter(|stage| !stage.kind.is_ordered()) {
        let (label, name) = (mermaid_text(&stage.label), &stage.name);
        push(&mut text, format_args!("    state \"{label}\" as s_{name}\n"));
    }
    for edge in others {
        push(&mut text, format_args!("    {}", line(edge)));
    }
    text
}

/// Text as Mermaid takes it: signs that mean something are written by their numbers.
fn mermaid_text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '#' | ';' | '<' | '>' | ':' | '{' | '}' => {
                push(&mut plain, format_args!("#{};", u32::from(character)));
            }
            character if character.is_control() => plain.push(' '),
            character => plain.push(character),
        }
    }
    plain
}

fn dot(lifecycle: &Lifecycle, steps: &[Edge<'_>], others: &[Edge<'_>]) -> String {
    let mut text = format!("digraph {} {{\n", dot_text(&lifecycle.name));
    text.push_str("    rankdir=LR; compound=true; node [shape=box, style=rounded];\n");
    push(
        &mut text,
        format_args!("    subgraph cluster_way {{ label={};\n", dot_text(&lifecycle.label)),
    );
    for stage in lifecycle.stages.iter().filter(|stage| stage.kind.is_ordered()) {
        let periphery = if stage.kind == StageKind::Won { ", peripheries=2" } else { "" };
        let (name, label) = (dot_text(&stage.name), dot_text(&stage.label));
        push(&mut text, format_args!("        {name} [label={label}{periphery}];\n"));
    }
    for edge in steps {
        let (from, to) = (edge.from.unwrap_or_default(), edge.to.unwrap_or_default());
        let (from, to, label) = (dot_text(from), dot_text(to), dot_text(&edge.labels.join("\n")));
        push(&mut text, format_args!("        {from} -> {to} [label={label}];\n"));
    }
    text.push_str("    }\n");
    for stage in lifecycle.stages.iter().filter(|stage| !stage.kind.is_ordered()) {
        let (name, label) = (dot_text(&stage.name), dot_text(&stage.label));
        push(&mut text, format_args!("    {name} [label={label}, style=dashed];\n"));
    }
    // An edge of the box begins or ends at one of its nodes, and is cut at its border.
    let ordered = || lifecycle.stages.iter().filter(|stage| stage.kind.is_ordered());
    let last = ordered().next_back().map_or("", |stage| stage.name.as_str());
    let first = ordered().next().map_or("", |stage| stage.name.as_str());
    for edge in others {
        let border = if edge.from.is_none() { "ltail" } else { "lhead" };
        let (from, to) = (edge.from.unwrap_or(last), edge.to.unwrap_or(first));
        let (from, to, label) = (dot_text(from), dot_text(to), dot_text(&edge.labels.join("\n")));
        push(
            &mut text,
            format_args!("    {from} -> {to} [label={label}, {border}=cluster_way];\n"),
        );
    }
    text.push_str("}\n");
    text
}

/// A text of Graphviz, in quotes.
fn dot_text(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            character if character.is_control() => quoted.push(' '),
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("writing to a String cannot fail");
}
