//! The columns that an attribute takes in a table: one, or one per part of its value.
//!
//! Export writes these names, a mapping names them, and a proposal looks for them. The invariant: a
//! name that export writes means the same attribute and part to a mapping.

use crate::{
    Error, ErrorKind, Kind, Result,
    schema::{AttributeModel, TypeModel},
};

/// The name of the record's id in a table.
pub(crate) const ID: &str = "id";

/// The parts of a value of this kind; the leading one, where there is one, has no name.
pub(crate) const fn parts(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Money => &["", "currency"],
        Kind::Address => &["street", "city", "region", "postal_code", "country"],
        Kind::File => &["", "name", "media_type"],
        _ => &[""],
    }
}

/// The name of the column for a part of an attribute: `price`, `price.currency`, `home.city`.
pub(crate) fn name(attribute: &str, part: &str) -> String {
    if part.is_empty() { attribute.to_owned() } else { format!("{attribute}.{part}") }
}

/// The attribute and the number of the part that `target` names.
///
/// # Errors
///
/// `UnknownAttribute` with the nearest name, `Archived`; `InvalidArgument` if the attribute has no
/// such part, or only parts.
pub(crate) fn resolve<'m>(
    model: &'m TypeModel,
    target: &str,
) -> Result<(&'m AttributeModel, usize)> {
    let (attribute, part) = target.split_once('.').unwrap_or((target, ""));
    let attribute = model.attribute(attribute)?;
    let kind = attribute.definition.kind;
    let part = match (kind, part) {
        (Kind::Money, "amount") | (Kind::File, "hash") => "",
        (_, part) => part,
    };
    // The one part of other kinds has no name of its own.
    if let Some(number) = parts(kind).iter().position(|name| *name == part)
        && (parts(kind).len() > 1 || !target.contains('.'))
    {
        return Ok((attribute, number));
    }
    let names: Vec<_> = parts(kind).iter().map(|part| name(attribute.name(), part)).collect();
    let message = format!("an attribute of kind {} has no such part", kind.name());
    Err(Error::new(ErrorKind::InvalidArgument, message)
        .with_field(target)
        .with_hint(format!("write {}", names.join(" or "))))
}

/// What stands between two options in a cell of `choices` where nothing else is declared: `;`, or
/// the next sign that occurs in none of the attribute's options.
pub(crate) fn list_separator(attribute: &AttributeModel) -> char {
    let options = &attribute.definition.options;
    let is_free = |sign: &char| !options.iter().any(|option| option.value.contains(*sign));
    [';', '|', ',', '/', '\n', '\t'].into_iter().find(is_free).unwrap_or('\u{1F}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attribute;

    fn model() -> TypeModel {
        let attributes = [
            Attribute::new("price", Kind::Money),
            Attribute::new("home", Kind::Address),
            Attribute::new("title", Kind::Text),
        ];
        let attributes = attributes.map(|a| AttributeModel::new(1, a, None).unwrap());
        TypeModel::new(1, "t".into(), "".into(), "".into(), None, attributes.into())
    }

    #[test]
    fn every_column_that_is_written_is_understood() {
        let model = model();
        for attribute in model.live() {
            for (number, part) in parts(attribute.definition.kind).iter().enumerate() {
                let (found, place) = resolve(&model, &name(attribute.name(), part)).unwrap();
                assert_eq!((found.name(), place), (attribute.name(), number));
            }
        }
        assert_eq!(resolve(&model, "price.amount").unwrap().1, 0);
    }

    #[test]
    fn other_names_are_refused_with_what_there_is() {
        let model = model();
        let error = |target: &str| resolve(&model, target).map(|_| ()).unwrap_err();
        assert_eq!(error("prize").hint(), Some("did you mean \"price\"?"));
        assert!(error("home").hint().unwrap().contains("home.city"));
        assert_eq!(error("price.city").kind(), ErrorKind::InvalidArgument);
        assert_eq!(error("title.").kind(), ErrorKind::InvalidArgument);
    }
}
