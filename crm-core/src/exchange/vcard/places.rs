//! A mapping of cards made ready for work: properties and parts by name, attributes by their place.
//!
//! Whatever is wrong with a request is found here, before the first card. What a card says is not
//! looked at.

use super::CardMapping;
use crate::{
    Error, ErrorKind, Kind, Result,
    schema::{AttributeModel, TypeModel},
};

/// The attribute that keeps what has no place, if no other is named.
const REMAINDER: &str = "vcard";

/// Parts of `N` and `ORG` by their names; `ADR` makes one value.
const PARTS: [(&str, &str, usize); 7] = [
    ("n", "family", 0),
    ("n", "given", 1),
    ("n", "additional", 2),
    ("n", "prefix", 3),
    ("n", "suffix", 4),
    ("org", "name", 0),
    ("org", "unit", 1),
];

/// Where properties go that nobody has mapped, as far as the type has the attribute.
const DEFAULTS: [(&str, &str); 18] = [
    ("n.given", "given_name"),
    ("n.family", "family_name"),
    ("fn", "family_name"),
    ("org.name", "name"),
    ("fn", "name"),
    ("org.name", "company"),
    ("title", "job_title"),
    ("email", "email"),
    ("tel", "phone"),
    ("adr", "address"),
    ("url", "website"),
    ("bday", "birthday"),
    ("lang", "locale"),
    ("nickname", "nickname"),
    ("categories", "categories"),
    ("note", "description"),
    ("photo", "photo"),
    ("uid", "uid"),
];

/// Which properties make which attributes of a type.
#[derive(Debug)]
pub(crate) struct Places {
    pub(super) places: Vec<Place>,
    /// Where the attribute stands that keeps the remainder.
    pub(crate) remainder: Option<usize>,
}

/// A property, or a part of one, and the attribute that it goes to.
#[derive(Debug)]
pub(super) struct Place {
    /// In capitals.
    pub(super) property: String,
    pub(super) part: Option<usize>,
    pub(super) label: Option<String>,
    /// Where the attribute stands in its type.
    pub(super) attribute: usize,
}

impl Places {
    /// Makes a mapping ready.
    ///
    /// # Errors
    ///
    /// `UnknownAttribute`, `Archived`; `InvalidArgument` if a property has no such part or only
    /// parts, or the remainder is not of kind `long_text`.
    pub(crate) fn new(
        model: &TypeModel,
        mapping: &[CardMapping],
        remainder: Option<&str>,
    ) -> Result<Self> {
        let places = match mapping {
            [] => defaults(model)?,
            mapping => mapping.iter().map(|one| Place::new(model, one)).collect::<Result<_>>()?,
        };
        let is_kept_here = |attribute: &AttributeModel| attribute.definition.kind == Kind::LongText;
        let remainder = match remainder {
            Some(name) => {
                let attribute = model.attribute(name)?;
                if !is_kept_here(attribute) {
                    let message = format!("{name} is not of kind long_text");
                    return Err(invalid("remainder", message));
                }
                Some(attribute)
            }
            None => model
                .live()
                .find(|attribute| attribute.name() == REMAINDER && is_kept_here(attribute)),
        };
        let remainder = remainder.map(|attribute| model.place(attribute));
        if places.is_empty() && remainder.is_none() {
            let message = "no property of cards goes to an attribute of this type";
            return Err(invalid("mapping", message).with_hint("say which property goes where"));
        }
        if let Some(place) = places.iter().find(|place| remainder == Some(place.attribute)) {
            let name = model.attributes[place.attribute].name();
            return Err(invalid(name, "the attribute keeps the remainder and takes no property"));
        }
        Ok(Self { places, remainder })
    }

    /// Where the attributes stand that cards have something of, each once.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = usize> + '_ {
        let places = self.places.iter().map(|place| place.attribute).enumerate();
        places
            .filter(|(number, attribute)| {
                let before = &self.places[..*number];
                before.iter().all(|place| place.attribute != *attribute)
            })
            .map(|(_, attribute)| attribute)
    }

    /// Takes out the attributes of which `is_hidden` is true, and gives back where they stand, each
    /// once.
    pub(crate) fn hide(&mut self, is_hidden: impl Fn(usize) -> bool) -> Vec<usize> {
        let hidden = self.attributes().chain(self.remainder).filter(|place| is_hidden(*place));
        let hidden = hidden.collect();
        self.places.retain(|place| !is_hidden(place.attribute));
        self.remainder = self.remainder.filter(|place| !is_hidden(*place));
        hidden
    }

    /// The first property that goes to the attribute of this name, in capitals.
    pub(crate) fn property_of(&self, model: &TypeModel, attribute: &str) -> Option<&str> {
        let is_meant = |place: &&Place| model.attributes[place.attribute].name() == attribute;
        self.places.iter().find(is_meant).map(|place| place.property.as_str())
    }
}

impl Place {
    fn new(model: &TypeModel, mapping: &CardMapping) -> Result<Self> {
        let attribute = model.place(model.attribute(&mapping.attribute)?);
        let name = mapping.property.to_ascii_lowercase();
        let (property, part) = match name.split_once('.') {
            Some((property, part)) => (property, Some(part)),
            None => (name.as_str(), None),
        };
        let parts = || PARTS.iter().filter(|(owner, ..)| *owner == property);
        let part = match part {
            None if parts().next().is_none() => None,
            part => match parts().find(|(_, name, _)| Some(*name) == part) {
                Some((_, _, number)) => Some(*number),
                None => {
                    let names: Vec<_> =
                        parts().map(|(owner, part, _)| format!("{owner}.{part}")).collect();
                    let error = invalid(&mapping.property, "a property has no such part");
                    return Err(match names[..] {
                        [] => error.with_hint(format!("write {property}")),
                        _ => error.with_hint(format!("write one of {}", names.join(", "))),
                    });
                }
            },
        };
        let AttributeModel { definition, formula, .. } = &model.attributes[attribute];
        if formula.is_some() {
            return Err(invalid(&mapping.attribute, "a calculated attribute takes no property"));
        }
        let kind = definition.kind;
        if matches!(kind, Kind::Money) || (kind == Kind::Address) != (property == "adr") {
            let message = format!("an attribute of kind {} takes no {property}", kind.name());
            return Err(invalid(&mapping.property, message));
        }
        Ok(Self {
            property: property.to_uppercase(),
            part,
            label: mapping.label.clone(),
            attribute,
        })
    }
}

/// The defaults that the type has attributes for. The name of a person is not that of a company.
fn defaults(model: &TypeModel) -> Result<Vec<Place>> {
    let has = |name: &str| model.live().any(|attribute| attribute.name() == name);
    let is_person = has("given_name") || has("family_name");
    let mut places = Vec::new();
    for (property, name) in DEFAULTS {
        let found = model.live().find(|attribute| attribute.name() == name);
        let Some(attribute) = found.filter(|attribute| !attribute.is_calculated()) else {
            continue;
        };
        let kind = attribute.definition.kind;
        let fits = match name {
            "name" => !is_person,
            "company" => kind == Kind::Reference,
            "address" => kind == Kind::Address,
            "birthday" => kind == Kind::Date,
            "photo" => kind == Kind::File,
            _ => !matches!(kind, Kind::Reference | Kind::Address | Kind::File | Kind::Money),
        };
        if fits {
            places.push(Place::new(model, &CardMapping::new(property, name))?);
        }
    }
    Ok(places)
}

fn invalid(field: &str, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).with_field(field)
}
