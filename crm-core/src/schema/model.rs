//! Definitions made ready for work: patterns compiled, bounds encoded, columns counted.
//!
//! A model is built from a definition once, when the schema is loaded or changed, and then shared.
//! The invariant: a model's definition has passed `check`.

use std::collections::HashMap;

use regex::Regex;

use super::{Attribute, EntityType, check};
use crate::{
    Error, ErrorKind, Result, Timestamp,
    cell::Cell,
    formula::{Formula, Rollup},
    normal::{self, name::nearest},
};

/// An entity type, ready for work.
#[derive(Debug, Clone)]
pub(crate) struct TypeModel {
    /// The row id in `crm_type`.
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) description: String,
    pub(crate) archived_at: Option<Timestamp>,
    /// All attributes, archived ones included, in the order of their definition.
    pub(crate) attributes: Vec<AttributeModel>,
    by_name: HashMap<String, usize>,
    /// Places of the attributes in use that are calculated from others, each after those that its
    /// formula reads.
    pub(crate) calculated: Vec<usize>,
    /// Places of the attributes in use whose words are searched.
    pub(crate) searched: Vec<usize>,
    /// Places of the roll-ups in use.
    pub(crate) rollups: Vec<usize>,
    /// How many columns the attributes take together.
    pub(crate) columns: usize,
}

/// An attribute, ready for work.
#[derive(Debug, Clone)]
pub(crate) struct AttributeModel {
    /// The row id in `crm_attribute`.
    pub(crate) id: i64,
    pub(crate) definition: Attribute,
    pub(crate) archived_at: Option<Timestamp>,
    /// Where its columns begin among those of the type.
    pub(crate) first: usize,
    pub(crate) pattern: Option<Regex>,
    pub(crate) formula: Option<Formula>,
    pub(crate) minimum: Option<Cell>,
    pub(crate) maximum: Option<Cell>,
    options: HashMap<String, usize>,
}

impl AttributeModel {
    /// Makes the definition of an attribute ready that the file holds: one that cannot be is damaged.
    ///
    /// # Errors
    ///
    /// `Corrupt`.
    pub(crate) fn stored(
        id: i64,
        definition: Attribute,
        archived_at: Option<Timestamp>,
    ) -> Result<Self> {
        Self::new(id, definition, archived_at)
            .map_err(|_| Error::new(ErrorKind::Corrupt, "a definition in the file cannot be read"))
    }

    /// Checks `definition` and makes it ready.
    ///
    /// # Errors
    ///
    /// Whatever [`check::definition`] finds.
    pub(crate) fn new(
        id: i64,
        mut definition: Attribute,
        archived_at: Option<Timestamp>,
    ) -> Result<Self> {
        // Typed languages can hand over the value null where none is meant.
        for property in [&mut definition.default, &mut definition.minimum, &mut definition.maximum]
        {
            property.take_if(|value| value.is_null());
        }
        let pattern = check::definition(&definition)?;
        let formula = definition.formula.as_deref().map(Formula::parse).transpose();
        let formula = formula.map_err(|error| error.with_field("formula"))?;
        // One way of writing it, so that a definition stated again is the same.
        definition.formula = formula.as_ref().map(Formula::to_string);
        let options = definition.options.iter().enumerate();
        let options = options.map(|(place, option)| (option.value.clone(), place)).collect();
        let mut model = Self {
            id,
            definition,
            archived_at,
            first: 0,
            pattern,
            formula,
            minimum: None,
            maximum: None,
            options,
        };
        model.minimum = model.bound("minimum", model.definition.minimum.clone())?;
        model.maximum = model.bound("maximum", model.definition.maximum.clone())?;
        model.check_bounds_in_order()?;
        model.check_default()?;
        Ok(model)
    }

    /// A bound is a value of the attribute's own kind, encoded like one.
    fn bound(&self, field: &str, bound: Option<crate::Value>) -> Result<Option<Cell>> {
        let Some(value) = bound.filter(|value| !value.is_null()) else { return Ok(None) };
        self.encode_bound(value).map(Some).map_err(|error| error.with_field(field))
    }

    fn check_bounds_in_order(&self) -> Result<()> {
        if self.has_room_between_bounds() {
            return Ok(());
        }
        let message = "is less than the minimum, so that no value would be allowed";
        Err(Error::new(ErrorKind::InvalidArgument, message).with_field("maximum"))
    }

    fn check_default(&self) -> Result<()> {
        let Some(value) = self.definition.default.clone() else { return Ok(()) };
        let mut cells = vec![Cell::Null; self.width()];
        self.encode(value, &mut cells).map_err(|error| error.with_field("default"))
    }

    /// The name.
    pub(crate) fn name(&self) -> &str {
        &self.definition.name
    }

    /// Whether a formula gives its values.
    pub(crate) fn is_calculated(&self) -> bool {
        self.formula.is_some()
    }

    /// The roll-up that gives its values.
    pub(crate) fn rollup(&self) -> Option<&Rollup> {
        self.formula.as_ref()?.rollup()
    }

    /// The decimal places of a `decimal`.
    pub(crate) fn scale(&self) -> u8 {
        self.definition.scale.unwrap_or(2)
    }

    /// The only currency of a `money`, if it has one.
    pub(crate) fn currency(&self) -> Option<&'static str> {
        let currency = self.definition.currency.as_deref()?;
        normal::currency::currency(currency).ok().map(|(code, _)| code)
    }

    /// How many columns it takes.
    pub(crate) fn width(&self) -> usize {
        self.definition.kind.parts().len()
    }

    /// Where its columns stand among those of the type.
    pub(crate) fn span(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.width()
    }

    /// The names of its columns.
    pub(crate) fn column_names(&self) -> impl Iterator<Item = String> + '_ {
        let parts = self.definition.kind.parts().iter();
        parts.map(|part| format!("{}{}", self.definition.name, part.suffix))
    }

    /// The name of its leading column.
    pub(crate) fn leading_column(&self) -> String {
        format!("{}{}", self.definition.name, self.definition.kind.parts()[0].suffix)
    }

    /// Whether an index is kept on its leading column.
    pub(crate) fn is_indexed(&self) -> bool {
        self.definition.index || self.definition.unique
    }

    /// Finds the option that is stored as `value`.
    ///
    /// # Errors
    ///
    /// `UnknownOption`, with the nearest one as a hint.
    pub(crate) fn check_option(&self, value: &str) -> Result<()> {
        if self.options.contains_key(value) {
            return Ok(());
        }
        let error = Error::new(ErrorKind::UnknownOption, "no such option");
        let candidates = self.definition.options.iter().map(|option| option.value.as_str());
        Err(match nearest(value, candidates) {
            Some(near) => error.with_hint(format!("did you mean {near:?}?")),
            None => error.with_hint("the definition of the attribute lists the options"),
        })
    }
}

impl TypeModel {
    /// A type with these attributes, in the order of their definition.
    pub(crate) fn new(
        id: i64,
        name: String,
        label: String,
        description: String,
        archived_at: Option<Timestamp>,
        mut attributes: Vec<AttributeModel>,
    ) -> Self {
        let mut columns = 0;
        for attribute in &mut attributes {
            attribute.first = columns;
            columns += attribute.width();
        }
        let by_name = attributes.iter().enumerate();
        let by_name: HashMap<_, _> =
            by_name.map(|(place, a)| (a.name().to_owned(), place)).collect();
        let calculated = Order::of(&attributes, &by_name);
        let searched = attributes.iter().enumerate();
        let searched = searched.filter(|(_, a)| a.definition.searched && a.archived_at.is_none());
        let searched = searched.map(|(place, _)| place).collect();
        let (rollups, calculated) =
            calculated.into_iter().partition(|place| attributes[*place].rollup().is_some());
        Self {
            id,
            name,
            label,
            description,
            archived_at,
            attributes,
            by_name,
            calculated,
            searched,
            rollups,
            columns,
        }
    }

    /// The same type with this attribute replaced, or added at the end.
    pub(crate) fn with_attribute(&self, attribute: AttributeModel) -> Self {
        let mut attributes = self.attributes.clone();
        match self.by_name.get(attribute.name()) {
            Some(&place) => attributes[place] = attribute,
            None => attributes.push(attribute),
        }
        let (label, description) = (self.label.clone(), self.description.clone());
        Self::new(self.id, self.name.clone(), label, description, self.archived_at, attributes)
    }

    /// Where an attribute of this type stands among them.
    pub(crate) fn place(&self, attribute: &AttributeModel) -> usize {
        self.by_name[attribute.name()]
    }

    /// The attribute of this name, archived or not.
    pub(crate) fn find(&self, name: &str) -> Option<&AttributeModel> {
        self.by_name.get(name).map(|&place| &self.attributes[place])
    }

    /// The attribute of this name, for use.
    ///
    /// # Errors
    ///
    /// `UnknownAttribute`, with the nearest name as a hint; `Archived`.
    pub(crate) fn attribute(&self, name: &str) -> Result<&AttributeModel> {
        let Some(attribute) = self.find(name) else {
            return Err(self.unknown(name));
        };
        if attribute.archived_at.is_some() {
            return Err(Error::new(ErrorKind::Archived, "the attribute is archived")
                .with_field(name)
                .with_hint("restore it with attributes.restore, or leave it out"));
        }
        Ok(attribute)
    }

    /// The attributes in use whose formula reads this one.
    pub(crate) fn readers<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = &'a AttributeModel> + 'a {
        let reads = move |a: &&AttributeModel| a.formula.as_ref().is_some_and(|f| f.reads(name));
        self.live().filter(reads)
    }

    /// The columns of what is calculated.
    pub(crate) fn calculated_columns(&self) -> impl Iterator<Item = String> + '_ {
        self.live().filter(|attribute| attribute.is_calculated()).flat_map(|a| a.column_names())
    }

    /// The attributes in use.
    pub(crate) fn live(&self) -> impl Iterator<Item = &AttributeModel> {
        self.attributes.iter().filter(|attribute| attribute.archived_at.is_none())
    }

    /// The error for an attribute that is not there.
    pub(crate) fn unknown(&self, name: &str) -> Error {
        let message = format!("{:?} has no such attribute", self.name);
        let error = Error::new(ErrorKind::UnknownAttribute, message).with_field(name);
        match nearest(name, self.live().map(AttributeModel::name)) {
            Some(near) => error.with_hint(format!("did you mean {near:?}?")),
            None => error.with_hint("its definition lists the attributes"),
        }
    }

    /// Refuses writes to an archived type.
    ///
    /// # Errors
    ///
    /// `Archived`.
    pub(crate) fn check_live(&self) -> Result<()> {
        match self.archived_at {
            None => Ok(()),
            Some(_) => Err(Error::new(ErrorKind::Archived, "the entity type is archived")
                .with_field("type")
                .with_hint("restore it with types.restore")),
        }
    }

    /// The type as callers see it.
    pub(crate) fn describe(&self) -> EntityType {
        let of = |archived: bool| {
            let chosen =
                self.attributes.iter().filter(move |a| a.archived_at.is_some() == archived);
            chosen.map(|attribute| attribute.definition.clone()).collect()
        };
        EntityType {
            name: self.name.clone(),
            label: self.label.clone(),
            description: self.description.clone(),
            attributes: of(false),
            archived_attributes: of(true),
            archived_at: self.archived_at,
        }
    }
}

/// Puts the calculated attributes in use into an order in which each comes after those that its
/// formula reads. None reads itself: that was checked when it was defined.
struct Order<'a> {
    attributes: &'a [AttributeModel],
    by_name: &'a HashMap<String, usize>,
    is_seen: Vec<bool>,
    places: Vec<usize>,
}

impl Order<'_> {
    fn of(attributes: &[AttributeModel], by_name: &HashMap<String, usize>) -> Vec<usize> {
        let is_seen = vec![false; attributes.len()];
        let mut order = Order { attributes, by_name, is_seen, places: Vec::new() };
        (0..attributes.len()).for_each(|place| order.add(place));
        order.places
    }

    fn add(&mut self, place: usize) {
        let (attribute, by_name) = (&self.attributes[place], self.by_name);
        let Some(formula) = &attribute.formula else { return };
        if attribute.archived_at.is_some() || std::mem::replace(&mut self.is_seen[place], true) {
            return;
        }
        let mut read: Vec<usize> = Vec::new();
        formula.visit_names(&mut |name| read.extend(by_name.get(name)));
        read.into_iter().for_each(|place| self.add(place));
        self.places.push(place);
    }
}
