//! How a definition may change: what must hold for the stored records, and what the table needs.
//!
//! Relaxing always works. Tightening works when every stored record passes; so a change names the
//! checks that the engine has to run over the rows. Kind, scale and target are for ever, because
//! stored values would change their meaning; and an attribute that people fill in does not become a
//! calculated one, because what they typed would be overwritten.

use super::{Attribute, AttributeModel};
use crate::{Error, ErrorKind, Result};

/// What a change of an attribute's definition asks of the stored rows and of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Evolution {
    /// Nothing differs.
    pub(crate) is_noop: bool,
    /// The attribute is new: its columns are to be added.
    pub(crate) adds_columns: bool,
    /// Every row must pass the new rules.
    pub(crate) checks_values: bool,
    /// Every row must have a value.
    pub(crate) checks_presence: bool,
    /// No two rows may have the same value.
    pub(crate) checks_uniqueness: bool,
    /// What the formula gives must be written into every row.
    pub(crate) recalculates: bool,
    /// The index is to be made (`Some(true)`) or dropped (`Some(false)`).
    pub(crate) index: Option<bool>,
}

/// Compares a new definition with the present one.
///
/// # Errors
///
/// `DefinitionConflict` if something changes that cannot.
pub(crate) fn evolve(old: Option<&AttributeModel>, new: &AttributeModel) -> Result<Evolution> {
    let Some(old) = old else {
        return Ok(Evolution {
            adds_columns: true,
            checks_presence: new.definition.required,
            recalculates: new.is_calculated(),
            index: new.is_indexed().then_some(true),
            ..Evolution::default()
        });
    };
    let (before, after) = (&old.definition, &new.definition);
    unchangeable(before, after)?;
    Ok(Evolution {
        is_noop: before == after,
        adds_columns: false,
        // What a formula gives is fitted to the new rules, whatever is stored.
        checks_values: !new.is_calculated() && tightens(before, after),
        checks_presence: after.required && !before.required,
        checks_uniqueness: after.unique && !before.unique,
        recalculates: new.is_calculated()
            && (&before.formula, &before.currency) != (&after.formula, &after.currency),
        index: (old.is_indexed() != new.is_indexed()).then_some(new.is_indexed()),
    })
}

fn unchangeable(before: &Attribute, after: &Attribute) -> Result<()> {
    let changed = [
        ("kind", before.kind != after.kind),
        ("scale", before.scale.unwrap_or(2) != after.scale.unwrap_or(2)),
        ("target", before.target != after.target),
        ("formula", before.formula.is_none() && after.formula.is_some()),
    ];
    match changed.iter().find(|(_, changed)| *changed) {
        None => Ok(()),
        Some((field, _)) => Err(Error::new(
            ErrorKind::DefinitionConflict,
            "cannot be changed once the attribute is defined",
        )
        .with_field(*field)
        .with_hint("define another attribute, copy the values, and archive this one")),
    }
}

/// Whether a stored value may fail the new rules. Saying yes too often costs a scan, no more.
fn tightens(before: &Attribute, after: &Attribute) -> bool {
    let dropped_option =
        before.options.iter().any(|old| !after.options.iter().any(|new| new.value == old.value));
    let shorter = match (before.length, after.length) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(old), Some(new)) => new < old,
    };
    let set_and_differs = |old: &Option<String>, new: &Option<String>| new.is_some() && old != new;
    dropped_option
        || shorter
        || set_and_differs(&before.pattern, &after.pattern)
        || set_and_differs(&before.currency, &after.currency)
        || before.minimum != after.minimum
        || before.maximum != after.maximum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChoiceOption, Kind, Value};

    fn model(definition: Attribute) -> AttributeModel {
        AttributeModel::new(1, definition, None).unwrap()
    }

    #[test]
    fn labels_and_hidden_options_ask_nothing_of_the_rows() {
        let before = Attribute::new("size", Kind::Choice).options(["s", "m"]);
        let mut after = Attribute { label: "Size".into(), ..before.clone() };
        after.options[0].hidden = true;
        after.options.push(ChoiceOption::new("l"));
        let evolution = evolve(Some(&model(before)), &model(after)).unwrap();
        assert_eq!(evolution, Evolution::default());
    }

    #[test]
    fn a_dropped_option_and_a_bound_ask_for_a_check() {
        let before = Attribute::new("size", Kind::Choice).options(["s", "m"]);
        let after = Attribute::new("size", Kind::Choice).options(["s"]);
        assert!(evolve(Some(&model(before)), &model(after)).unwrap().checks_values);
        let before = Attribute::new("age", Kind::Integer);
        let after = Attribute { minimum: Some(Value::Integer(18)), ..before.clone() };
        assert!(evolve(Some(&model(before)), &model(after)).unwrap().checks_values);
    }

    #[test]
    fn the_kind_is_for_ever() {
        let before = model(Attribute::new("age", Kind::Integer));
        let after = model(Attribute::new("age", Kind::Text));
        let error = evolve(Some(&before), &after).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::DefinitionConflict, Some("kind")));
    }
    #[test]
    fn a_formula_may_go_but_not_come() {
        let plain = Attribute::new("double", Kind::Integer);
        let formula = |text: &str| plain.clone().formula(text);
        let of = |before: Attribute, after: Attribute| evolve(Some(&model(before)), &model(after));
        let error = of(plain.clone(), formula("n * 2")).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::DefinitionConflict, Some("formula")));
        assert!(of(formula("n*2"), formula("n * 2")).unwrap().is_noop);
        assert!(of(formula("n * 2"), formula("n + n")).unwrap().recalculates);
        let gone = of(formula("n * 2"), plain.clone()).unwrap();
        assert!(!gone.recalculates && !gone.is_noop);
    }
}
