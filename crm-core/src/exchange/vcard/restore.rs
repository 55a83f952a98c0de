//! A card out of a record: the remainder, with the values of attributes where they were taken out.
//!
//! An attribute without such a place gets a property of its own. The invariant: what was imported
//! and not changed since says what it said before.

use std::collections::BTreeSet;

use super::{
    CardVersion, Places, Property,
    places::Place,
    property::{Param, escape, one_line},
};
use crate::{Address, Date, Value};

/// Marks what attributes have no part in, though it looks so: a full name without the parts of the
/// name, an address of nothing but a post-office box.
pub(super) const FREE: &str = "X-CRM-FREE";

/// What an attribute has to say on a card.
pub(crate) enum Shown {
    Value(Value),
    Date(Date),
    /// The name of the record that is referred to.
    Name(String),
    File {
        base64: String,
        media_type: String,
    },
}

/// The properties of a record's card. `shown` says what the attribute at a place has; `remainder` is
/// the text that an import has kept.
pub(crate) fn restore(
    places: &Places,
    remainder: &str,
    version: CardVersion,
    mut shown: impl FnMut(usize) -> Option<Shown>,
) -> Vec<Property> {
    let read = remainder.lines().filter_map(|line| Property::read(line).ok());
    let mut card = Card { properties: read.collect(), filled: BTreeSet::new() };
    let mut texts = Vec::new();
    let mut done = BTreeSet::new();
    for place in &places.places {
        if !done.insert(place.attribute) {
            continue;
        }
        let Some(shown) = shown(place.attribute) else { continue };
        if let Shown::Value(Value::Text(text)) | Shown::Name(text) = &shown {
            texts.push((place.attribute, text.clone()));
        }
        let all = || places.places.iter().filter(|other| other.attribute == place.attribute);
        let with_hole = all().find_map(|place| Some((place, card.hole(place)?)));
        let (place, number) = match with_hole {
            Some(found) => found,
            // The full name is made below, of whatever there is.
            None if place.property == "FN" && all().count() == 1 => continue,
            None => {
                let place = all().find(|place| place.property != "FN").unwrap_or(place);
                (place, card.add(place))
            }
        };
        card.fill(number, place, shown, version);
    }
    let is_empty_place = |property: &Property| {
        property.is_blank() && places.places.iter().any(|place| property.is(&place.property))
    };
    card.properties.retain(|property| !is_empty_place(property));
    let text = |attribute| {
        let found = texts.iter().find(|(place, _)| *place == attribute);
        found.map(|(_, text)| text.clone())
    };
    let name = Name::new(places, &card.properties, text);
    card.set_full_name(&name);
    for property in &mut card.properties {
        property.take(FREE);
    }
    card.properties
}

struct Card {
    properties: Vec<Property>,
    /// Which whole properties have their value already.
    filled: BTreeSet<usize>,
}

impl Card {
    /// The property out of which the value for a place was taken.
    fn hole(&self, place: &Place) -> Option<usize> {
        let is_hole = |number: usize, property: &Property| match place.part {
            Some(_) => true,
            None if place.property == "ADR" => !self.filled.contains(&number) && is_open(property),
            None => property.value.is_empty() && !self.filled.contains(&number),
        };
        let is_meant = |property: &Property| {
            property.is(&place.property)
                && !property.is_kept_as_bytes()
                && property.param(FREE).next().is_none()
                && place.label.as_ref().is_none_or(|label| property.has_type(label))
        };
        let mut found = self.properties.iter().enumerate();
        found
            .find(|(number, property)| is_meant(property) && is_hole(*number, property))
            .map(|(number, _)| number)
    }

    /// A new property for a place, before the others of its name: it is the first that is meant.
    fn add(&mut self, place: &Place) -> usize {
        let mut property = Property::new(&place.property, String::new());
        property.params.extend(place.label.as_ref().map(|label| Param::new("TYPE", label)));
        let is_same = |other: &Property| other.is(&place.property);
        let number = self
            .properties
            .iter()
            .enumerate()
            .position(|(number, other)| is_same(other) && !self.filled.contains(&number));
        let number = number.unwrap_or(self.properties.len());
        self.filled =
            self.filled.iter().map(|filled| filled + usize::from(*filled >= number)).collect();
        self.properties.insert(number, property);
        number
    }

    fn fill(&mut self, number: usize, place: &Place, shown: Shown, version: CardVersion) {
        let property = &mut self.properties[number];
        self.filled.insert(number);
        match shown {
            Shown::Value(Value::Address(address)) => set_address(property, address),
            Shown::Value(Value::List(items)) => {
                property.value =
                    items.iter().map(|item| escape(item)).collect::<Vec<_>>().join(",");
            }
            Shown::File { base64, media_type } => {
                property.take("VALUE");
                if !property.is_base64() {
                    property.params.push(Param::new("ENCODING", "b"));
                }
                if property.media_type().is_none() {
                    let format = media_type.rsplit_once('/').map_or("", |(_, format)| format);
                    property.params.push(Param::new("TYPE", &format.to_uppercase()));
                }
                property.value = base64;
            }
            Shown::Value(value) => set_text(property, place, &text_of(&value)),
            // Of vCard 3.0 this is the customary form, of the others the only one.
            Shown::Date(date) if version == CardVersion::V3 => property.value = date.to_string(),
            Shown::Date(date) => property.value = date.to_string().replace('-', ""),
            Shown::Name(name) => set_text(property, place, &name),
        }
    }

    /// Every card has a full name. The one that was kept stands as long as it holds the name.
    fn set_full_name(&mut self, name: &Name) {
        let Some(kept) = self.properties.iter_mut().find(|property| property.is("FN")) else {
            return self.properties.insert(0, Property::new("FN", escape(&name.full)));
        };
        let is_free = kept.take(FREE).is_some();
        if !is_free && !name.is_within(&kept.text()) {
            kept.value = escape(&name.full);
        }
    }
}

fn set_text(property: &mut Property, place: &Place, text: &str) {
    match place.part {
        Some(part) => property.set_component(part, text),
        None if property.is_address() => property.value = one_line(text),
        None => property.value = escape(text),
    }
    if property.is("N") && property.components().len() < 5 {
        property.set_component(4, "");
    }
}

/// Whether an `ADR` has room for an address.
pub(super) fn is_open(property: &Property) -> bool {
    let parts = property.components();
    parts.iter().take(6).skip(2).flatten().all(|text| text.trim().is_empty())
}

fn set_address(property: &mut Property, address: Address) {
    let Address { street, city, region, postal_code, country } = address;
    let kept = property.components().get(6).map(|part| part.join(", "));
    let parts = [street, city, region, postal_code, country.or(kept)];
    for (number, part) in parts.into_iter().enumerate() {
        property.set_component(number + 2, &part.unwrap_or_default());
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        _ => String::new(),
    }
}

/// The name of whom a card is about.
pub(super) struct Name {
    /// As an export writes it where no other was kept.
    pub(super) full: String,
    /// What attributes hold of it.
    parts: Vec<String>,
}

impl Name {
    /// Made of what the attributes say and what the properties still do.
    pub(super) fn new(
        places: &Places,
        properties: &[Property],
        text: impl Fn(usize) -> Option<String>,
    ) -> Self {
        let held = |property: &str, part: Option<usize>| {
            let mut found = places.places.iter();
            let place = found.find(|place| place.property == property && place.part == part)?;
            text(place.attribute).map(|text| text.trim().to_owned())
        };
        let components = properties.iter().find(|property| property.is("N"));
        let components = components.map(Property::components).unwrap_or_default();
        let part = |number: usize| {
            let left = components.get(number).map(|part| part.join(" "));
            held("N", Some(number)).or(left).filter(|text| !text.is_empty())
        };
        // Prefix, given, additional and family name, suffix.
        let full: Vec<String> = [3, 1, 2, 0, 4].into_iter().filter_map(part).collect();
        let mut parts: Vec<String> =
            [1, 0].into_iter().filter_map(|number| held("N", Some(number))).collect();
        if parts.is_empty() {
            parts.extend(held("FN", None));
        }
        let full = if full.is_empty() { parts.join(" ") } else { full.join(" ") };
        Self { full, parts }
    }

    /// Whether a full name says all of it that attributes hold.
    pub(super) fn is_within(&self, text: &str) -> bool {
        self.parts.iter().all(|part| text.contains(part.as_str()))
    }
}
