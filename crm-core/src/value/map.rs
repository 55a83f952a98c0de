//! Values by attribute name, in the order of the names.

use std::{collections::BTreeMap, fmt, ops::Index};

use serde::{Deserialize, Serialize};

use super::Value;

/// Values by attribute name, ordered by name so that the same values always print the same.
///
/// ```
/// use crm_core::{Value, values};
///
/// let book = values! { "title" => "Emma", "year" => 1815, "subtitle" => Value::Null };
/// assert_eq!(book["title"], Value::from("Emma"));
/// assert!(book["publisher"].is_null());
/// ```
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Values(BTreeMap<String, Value>);

#[cfg(feature = "uniffi")]
uniffi::custom_type!(Values, std::collections::HashMap<String, Value>, {
    lower: |values| values.0.into_iter().collect(),
    try_lift: |map| Ok(Values(map.into_iter().collect())),
});

impl Values {
    /// No values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `name`; [`Value::Null`] if there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(Value::NULL)
    }

    /// Sets the value of `name` and returns the former one.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(name.into(), value.into())
    }

    /// Takes the value of `name` out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// Whether `name` occurs, even if with [`Value::Null`].
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Names and values, ordered by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Index<&str> for Values {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        self.get(name)
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Values {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl<K: Into<String>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Values {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl IntoIterator for Values {
    type Item = (String, Value);
    type IntoIter = std::collections::btree_map::IntoIter<String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Writes [`Values`]: `values! { "email" => "ann@example.org", "employees" => 12 }`.
#[macro_export]
macro_rules! values {
    ($($name:expr => $value:expr),* $(,)?) => {
        <$crate::Values as ::std::iter::FromIterator<(&str, $crate::Value)>>::from_iter(
            [$(($name, $crate::Value::from($value))),*]
        )
    };
}
