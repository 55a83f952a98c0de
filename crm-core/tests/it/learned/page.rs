//! What docs/learned-scores.md shows: each request of the page, in order, is answered as it says.

use crm_core::{
    Crm, DefineLifecycle, Flow, MoveStage, RecordId, Stage, Timestamp, ops::Request, values,
};
use serde_json::Value as Json;

use super::now;
use crate::{conformance::matching, support::replay};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/learned-scores.md");

/// Companies, of which large ones and those of steel become customers more often, later on.
fn quarter(crm: &Crm, count: u32) -> (RecordId, Timestamp, Timestamp) {
    let create = |place: u32| {
        let (is_large, is_steel) = (place.is_multiple_of(2), place.is_multiple_of(3));
        let id = crm.companies().create(values! {
            "name" => format!("Company {place}"),
            "employees" => if is_large { 500 + place } else { 5 + place % 7 },
            "industry" => if is_steel { "steel" } else { "paper" },
        });
        let often = match (is_large, is_steel) {
            (true, true) => 8,
            (true, false) | (false, true) => 5,
            (false, false) => 1,
        };
        (id.unwrap().id, place * 7 % 10 < often)
    };
    let all: Vec<_> = (0..count).map(create).collect();
    let begin = now(crm);
    for (id, _) in all.iter().filter(|(_, is_won)| *is_won) {
        crm.lifecycles().move_to(MoveStage::new("way", *id, "customer")).unwrap();
        crm.companies().patch(*id, values! { "domain" => format!("{id}.example") }).unwrap();
    }
    (all[0].0, begin, now(crm))
}

#[test]
fn the_page_shows_what_is_so() {
    let crm = Crm::open_with(":memory:", replay()).unwrap();
    let stages = [Stage::new("lead"), Stage::new("customer")];
    crm.lifecycles().define(DefineLifecycle::new("way", "company", stages)).unwrap();
    let (first, spring, summer) = quarter(&crm, 400);
    let (_, autumn, winter) = quarter(&crm, 400);
    let page = std::fs::read_to_string(PAGE).unwrap();
    let times =
        [("$spring", spring), ("$summer", summer), ("$autumn", autumn), ("$winter", winter)];
    let page = times.iter().fold(page, |page, (name, at)| page.replace(name, &at.to_string()));
    let page = page.replace("$first", &first.to_string());
    let mut shown = 0;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some((operation, request)) =
            line.strip_prefix("→ ").and_then(|line| line.split_once(' '))
        else {
            continue;
        };
        let request = Request::from_json(operation, request.as_bytes()).unwrap();
        let answer = crm.execute(request, &mut |_| Flow::Continue);
        let answer = serde_json::to_value(answer.unwrap()).unwrap();
        let line = lines.next().and_then(|line| line.strip_prefix("← ")).unwrap();
        let expected: Json = serde_json::from_str(line).unwrap();
        if let Err(fault) = matching::check(&expected, &answer) {
            panic!("{operation}: {fault}\n{answer}");
        }
        shown += 1;
    }
    assert_eq!(shown, 6);
}
