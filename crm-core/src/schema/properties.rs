//! Attributes of what is no record: the properties of an activity, the attributes of an association.
//!
//! They are defined, judged and encoded like those of an entity type, so that a link, a price or an
//! option means the same everywhere. The invariant: columns only grow, and kind, scale and target
//! are for ever. A rule that is tightened holds for what is written from then on, because what
//! happened stays as it was recorded; so no stored row is ever looked at.

use super::{Attribute, AttributeModel, TypeModel, check, evolve};
use crate::{Error, ErrorKind, Result, limits};

/// Adds `given` to the attributes of `model`, or changes those that are there; others stay.
/// Answers the new model, and where its new attributes begin.
///
/// # Errors
///
/// As for the attributes of a type, naming attribute and property; `InvalidArgument` for `unique`,
/// `index` and `formula`, which have no meaning here, and for a name in `reserved`.
pub(crate) fn extend(
    model: &TypeModel,
    given: Vec<Attribute>,
    reserved: &[&str],
) -> Result<(TypeModel, usize)> {
    let known = model.attributes.len();
    let mut model = model.clone();
    for definition in given {
        let name = definition.name.clone();
        let new = judge(&model, definition, reserved);
        model = model.with_attribute(new.map_err(|error| check::in_attribute(&name, error))?);
    }
    Ok((model, known))
}

fn judge(model: &TypeModel, definition: Attribute, reserved: &[&str]) -> Result<AttributeModel> {
    for (field, given) in [
        ("unique", definition.unique),
        ("index", definition.index),
        ("formula", definition.formula.is_some()),
    ] {
        if given {
            let message = "has no meaning here, only for an attribute of an entity type";
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_field(field));
        }
    }
    let new = AttributeModel::new(0, definition, None)?;
    if evolve(model.find(new.name()), &new)?.adds_columns {
        check::room(model, &new, reserved, limits::PROPERTIES)?;
    }
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn empty() -> TypeModel {
        TypeModel::new(1, "call".into(), String::new(), String::new(), None, Vec::new())
    }

    #[test]
    fn what_is_not_listed_stays_and_what_is_new_comes_last() {
        let listed = vec![Attribute::new("topic", Kind::Text), Attribute::new("cost", Kind::Money)];
        let (model, added) = extend(&empty(), listed, &[]).unwrap();
        assert_eq!((model.attributes.len(), added), (2, 0));
        let listed = vec![
            Attribute { label: "What about".into(), ..Attribute::new("topic", Kind::Text) },
            Attribute::new("minutes", Kind::Integer),
        ];
        let (model, added) = extend(&model, listed, &[]).unwrap();
        assert_eq!(added, 2);
        assert_eq!(model.attributes[0].definition.label, "What about");
        assert_eq!(model.attributes[2].name(), "minutes");
        assert_eq!(model.columns, 4);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let refused = |attribute: Attribute| {
            let error = extend(&empty(), vec![attribute], &["at"]).unwrap_err();
            (error.kind(), error.field().unwrap().to_owned())
        };
        let topic = || Attribute::new("topic", Kind::Text);
        let invalid = |field: &str| (ErrorKind::InvalidArgument, field.to_owned());
        assert_eq!(refused(topic().unique()), invalid("topic.unique"));
        assert_eq!(refused(topic().indexed()), invalid("topic.index"));
        assert_eq!(refused(topic().formula("\"x\"")), invalid("topic.formula"));
        assert_eq!(refused(Attribute::new("at", Kind::Text)), invalid("at.at"));
    }
}
