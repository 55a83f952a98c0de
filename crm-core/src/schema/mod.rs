//! Entity types and attributes: what a customer is, defined by the host at run time.
//!
//! A definition is data, kept in the file and changed as far as the stored records allow. The
//! invariant: every stored record satisfies the definitions of its type. A type or an attribute is
//! archived, never dropped, so that history stays readable.

pub(crate) mod check;
mod evolve;
mod kind;
mod model;
mod preset;
pub(crate) mod properties;

pub use kind::Kind;
pub use preset::Preset;

pub(crate) use evolve::{Evolution, evolve};
pub(crate) use model::{AttributeModel, TypeModel};

use serde::{Deserialize, Serialize};

use crate::{Timestamp, Value};

/// How carefully values of an attribute are to be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Sensitivity {
    /// Says nothing about a person.
    #[default]
    None,
    /// Personal data (GDPR art. 4).
    Personal,
    /// A special category of personal data (GDPR art. 9): health, belief, union membership …
    Special,
}

/// One option of a choice: the stored value never changes when its label does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChoiceOption {
    /// What is stored: 1 to 255 bytes, unique within the attribute.
    pub value: String,
    /// What people read; the value if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// Where it stands among the options, smallest first; equal ones in the order of definition.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = 0))]
    pub order: i32,
    /// Whether a form should no longer offer it. Values stay valid.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub hidden: bool,
}

impl ChoiceOption {
    /// An option that is stored and shown as `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self { value: value.into(), label: String::new(), order: 0, hidden: false }
    }
}

/// The definition of an attribute.
///
/// ```
/// use crm_core::{Attribute, Kind};
///
/// let isbn = Attribute { unique: true, length: Some(13), ..Attribute::new("isbn", Kind::Text) };
/// assert!(!isbn.required);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attribute {
    /// The name: `[a-z][a-z0-9_]{0,62}`, and the name of its column.
    pub name: String,
    /// The kind. It cannot be changed later.
    pub kind: Kind,
    /// What people read; the name if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// What it means, in prose.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub description: String,
    /// Whether every record must have a value.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub required: bool,
    /// Whether no two records, archived ones included, may have the same value.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub unique: bool,
    /// Whether to keep an index, so that lists filtered or ordered by it stay fast. A unique
    /// attribute has one anyway.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub index: bool,
    /// Whether its words are found by `search.find`; for `text`, `long_text`, `email`, `phone`, `url`
    /// and `address`. When this is set, what is stored becomes searched in the same transaction, and
    /// when it is taken back, its words leave the index without a trace.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(feature = "uniffi", uniffi(default = false))]
    pub searched: bool,
    /// The value of a new record that is created without one. Existing records keep what they have.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub default: Option<Value>,
    /// The options of a `choice` or `choices`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub options: Vec<ChoiceOption>,
    /// The smallest value of an `integer`, `decimal`, `real`, `money` (with a fixed currency),
    /// `date`, `timestamp` or `rating`, written as a value of that kind.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub minimum: Option<Value>,
    /// The largest value, as for `minimum`.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub maximum: Option<Value>,
    /// The greatest length of a `text` or `long_text`, in characters (Unicode scalar values).
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub length: Option<u32>,
    /// A regular expression that the whole of a `text` or `long_text` must match, in the syntax of
    /// the crate `regex`: linear time, no look-around, at most 4 KiB.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub pattern: Option<String>,
    /// The decimal places of a `decimal`, 0 to 12 (2 if not given). It cannot be changed later.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub scale: Option<u8>,
    /// The only currency of a `money`, ISO 4217. Then a plain decimal text is an amount in it.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub currency: Option<String>,
    /// The entity type that a `reference` refers to. It cannot be changed later.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub target: Option<String>,
    /// The formula by which a `text`, `long_text`, `checkbox`, `integer`, `decimal`, `real`,
    /// `money`, `date` or `timestamp` is calculated from other attributes of the record, such as
    /// `price * quantity`, or sums up its activities or associated records, as
    /// `sum(amount of purchase)`. Every write stores what it gives, and nobody else may. An attribute
    /// cannot become calculated later; without the formula it keeps its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub formula: Option<String>,
    /// How carefully its values are to be handled.
    #[serde(default)]
    pub sensitivity: Sensitivity,
    /// What its values are processed for: a purpose that [`Consents::define_purpose`] has defined. One
    /// of special sensitivity needs a purpose of its own: one that names a special category of data,
    /// and that no attribute of less sensitivity has.
    ///
    /// [`Consents::define_purpose`]: crate::Consents::define_purpose
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    pub purpose: Option<String>,
}

/// Whether a definition need not mention it.
fn is_false(given: &bool) -> bool {
    !given
}

impl Attribute {
    /// An attribute of `kind` without any further rule.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            label: String::new(),
            description: String::new(),
            required: false,
            unique: false,
            index: false,
            searched: false,
            default: None,
            options: Vec::new(),
            minimum: None,
            maximum: None,
            length: None,
            pattern: None,
            scale: None,
            currency: None,
            target: None,
            formula: None,
            sensitivity: Sensitivity::None,
            purpose: None,
        }
    }

    /// The same attribute, required.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same attribute, unique.
    #[must_use]
    pub fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// The same attribute, with an index.
    #[must_use]
    pub fn indexed(mut self) -> Self {
        self.index = true;
        self
    }

    /// The same attribute, found by [`Crm::search`](crate::Crm::search).
    #[must_use]
    pub fn searched(mut self) -> Self {
        self.searched = true;
        self
    }

    /// The same attribute, holding personal data.
    #[must_use]
    pub fn personal(mut self) -> Self {
        self.sensitivity = Sensitivity::Personal;
        self
    }

    /// The same attribute, holding a special category of personal data, processed for this purpose.
    ///
    /// ```
    /// use crm_core::{Attribute, Crm, DataCategory, Kind, Processing, Purpose};
    ///
    /// let crm = Crm::in_memory()?;
    /// let health = DataCategory { is_special: true, ..DataCategory::new("dpv-pd:Health") };
    /// let processing = Processing { personal_data: vec![health], ..Processing::default() };
    /// let care = Purpose::new("care", ["email"]).processing(processing);
    /// crm.consents().define_purpose(care)?;
    /// let allergies = Attribute::new("allergies", Kind::LongText).special("care");
    /// crm.types().define_attribute("contact", allergies)?;
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    #[must_use]
    pub fn special(mut self, purpose: impl Into<String>) -> Self {
        self.sensitivity = Sensitivity::Special;
        self.purpose = Some(purpose.into());
        self
    }

    /// The same attribute, with these options in this order.
    #[must_use]
    pub fn options<'a>(mut self, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.options = values.into_iter().map(ChoiceOption::new).collect();
        self
    }

    /// The same attribute, referring to records of entity type `target`.
    #[must_use]
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// The same attribute, calculated by this formula.
    ///
    /// ```
    /// use crm_core::{Attribute, Crm, Kind, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// let name = Attribute::new("sort_name", Kind::Text);
    /// let name = name.formula("trim(concat(upper(family_name), \" \", given_name))");
    /// crm.types().define_attribute("contact", name)?;
    /// let ann = crm.contacts().create(values! { "given_name" => "Ann", "family_name" => "Lee" })?;
    /// assert_eq!(ann.get("sort_name").as_str(), Some("LEE Ann"));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    #[must_use]
    pub fn formula(mut self, formula: impl Into<String>) -> Self {
        self.formula = Some(formula.into());
        self
    }

    /// The same attribute, in this one currency.
    #[must_use]
    pub fn currency(mut self, currency: impl Into<String>) -> Self {
        self.currency = Some(currency.into());
        self
    }
}

/// Defines an entity type, or changes one: the request of `types.define`.
///
/// Attributes that are listed are added or changed; those that are not listed stay as they are. So a
/// host can state at every start what it needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefineType {
    /// The name: `[a-z][a-z0-9_]{0,62}`, and the name of its table.
    pub name: String,
    /// What people read; the name if empty.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub label: String,
    /// What it means, in prose.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default = ""))]
    pub description: String,
    /// The attributes to add or change.
    #[serde(default)]
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub attributes: Vec<Attribute>,
}

impl DefineType {
    /// A type of this name with these attributes.
    pub fn new(name: impl Into<String>, attributes: impl IntoIterator<Item = Attribute>) -> Self {
        Self {
            name: name.into(),
            label: String::new(),
            description: String::new(),
            attributes: attributes.into_iter().collect(),
        }
    }
}

/// An entity type as it is defined now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EntityType {
    /// The name.
    pub name: String,
    /// What people read.
    pub label: String,
    /// What it means, in prose.
    pub description: String,
    /// The attributes in use, in the order of their definition.
    pub attributes: Vec<Attribute>,
    /// The archived attributes.
    pub archived_attributes: Vec<Attribute>,
    /// When the type was archived; `None` while it is in use.
    pub archived_at: Option<Timestamp>,
}

/// Names an entity type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TypeName {
    /// The name of the entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
}

/// Names an attribute of an entity type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AttributeName {
    /// The name of the entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The name of the attribute.
    pub attribute: String,
}

/// Adds or changes an attribute: the request of `attributes.define`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefineAttribute {
    /// The name of the entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// The whole definition of the attribute.
    pub attribute: Attribute,
}

/// Adds one of the ready-made entity types: the request of `types.define_preset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DefinePreset {
    /// Which one.
    pub preset: Preset,
}
