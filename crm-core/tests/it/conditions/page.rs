//! What docs/conditions.md shows: the two forms of a condition are one, and contacts can be asked it.

use crm_core::{
    ActivityPreset, AssociationPreset, Attribute, CheckCondition, Condition, Crm, DefineLifecycle,
    DefineScore, DefineSegment, Kind, Operator, Purpose, ScoreGroup, ScoreRule, Stage,
};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/conditions.md");

/// The file about which the page speaks.
fn file() -> Crm {
    let crm = Crm::in_memory().unwrap();
    for preset in ActivityPreset::ALL {
        crm.activity_kinds().define_preset(*preset).unwrap();
    }
    for preset in [AssociationPreset::EmployedBy, AssociationPreset::ParticipatesIn] {
        crm.association_types().define_preset(preset).unwrap();
    }
    let interests = Attribute::new("interests", Kind::Choices).options(["golf", "music"]);
    for attribute in [interests, Attribute::new("limit", Kind::Money)] {
        crm.types().define_attribute("contact", attribute).unwrap();
    }
    let stages = [Stage::new("lead"), Stage::new("mql")];
    crm.lifecycles().define(DefineLifecycle::new("contact", "contact", stages)).unwrap();
    let rule = ScoreRule::when("phone", "phone is set".parse().unwrap(), 50);
    let fit = DefineScore::new("fit", "contact", [ScoreGroup::new("who", [rule])]);
    crm.scores().define(fit).unwrap();
    crm.scores().publish("fit").unwrap();
    let vip = DefineSegment::live("vip", "contact", "source = \"fair\"".parse().unwrap());
    crm.segments().define(vip).unwrap();
    crm.consents().define_purpose(Purpose::new("news", ["email"])).unwrap();
    crm
}

/// The blocks of conditions, each of them a text and the same as JSON.
fn examples(page: &str) -> Vec<(&str, &str)> {
    let blocks = page.split("```crm\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let pairs = blocks.flat_map(|block| block.split("\n\n"));
    pairs.map(|pair| pair.split_once('\n').expect("a text and JSON")).collect()
}

#[test]
fn both_forms_of_each_example_are_one_condition_on_contacts() {
    let crm = file();
    let page = std::fs::read_to_string(PAGE).unwrap();
    let examples = examples(&page);
    assert_eq!(examples.len(), page.matches("\n{\"").count());
    for (text, json) in examples {
        let condition: Condition = text.parse().unwrap();
        assert_eq!(json.parse::<Condition>().unwrap(), condition, "{text}");
        assert_eq!(condition.to_string(), text);
        let request = CheckCondition { entity_type: "contact".into(), condition };
        if let Err(error) = crm.check_condition(&request) {
            panic!("{text}: {error}");
        }
    }
}

#[test]
fn every_operator_and_every_line_of_the_grammar_is_on_the_page() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    for operator in Operator::ALL {
        assert!(page.contains(&format!("`{}`", operator.name())), "{}", operator.name());
    }
    let reader = include_str!("../../../src/condition/text.rs");
    let grammar =
        reader.split("//! ```text\n").nth(1).and_then(|rest| rest.split("//! ```").next());
    let grammar = grammar.unwrap().replace("//! ", "");
    assert!(page.contains(&grammar));
}
