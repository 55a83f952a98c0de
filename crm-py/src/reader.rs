//! What Python hands in, as serde reads it: a request is as strict here as it is in JSON.
//!
//! The invariants: each object is what its type says, whatever is expected of it, so that a text is
//! never true and `True` never 1; the reader of the request refuses what does not fit, in the words of
//! the documentation. Wider than JSON are only what Python means by a number: any object with
//! `__index__` is a whole one, and any with `__float__` a real one where that is asked for; and what it
//! means by a list, which may be a tuple, a set or another sequence.

use pyo3::{
    prelude::*,
    types::{
        PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyFrozenSet, PyIterator, PyList, PyMapping,
        PySequence, PySet, PyString, PyTuple,
    },
};
use pythonize::{PythonizeError, Result};
use serde::{
    Deserializer,
    de::{
        DeserializeSeed, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
        VariantAccess, Visitor, value::StrDeserializer,
    },
    forward_to_deserialize_any,
};

/// Reads one object.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a, 'py>(pub(crate) &'a Bound<'py, PyAny>);

impl<'py> Reader<'_, 'py> {
    /// The object is not what `visitor` expects. What it is, is not told.
    fn unfit<'de, T>(self, visitor: &impl Visitor<'de>) -> Result<T> {
        Err(PythonizeError::invalid_type(Unexpected::Other("an object"), visitor))
    }

    fn is_bytes(self) -> bool {
        self.0.is_instance_of::<PyBytes>() || self.0.is_instance_of::<PyByteArray>()
    }

    fn is_list(self) -> bool {
        self.0.is_instance_of::<PyList>() || self.0.is_instance_of::<PyTuple>()
    }

    /// As [`Self::is_list`], for what takes longer to find out.
    fn is_like_list(self) -> bool {
        self.0.is_instance_of::<PySet>()
            || self.0.is_instance_of::<PyFrozenSet>()
            || self.0.cast::<PySequence>().is_ok()
    }

    fn visit_items<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_seq(Items { left: self.0.len()?, items: self.0.try_iter()? })
    }

    fn visit_fields<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0.cast::<PyMapping>() {
            Ok(mapping) => visitor.visit_map(Fields::new(mapping)?),
            Err(_) => self.unfit(&visitor),
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'_, '_> {
    type Error = PythonizeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let given = self.0;
        if let Ok(text) = given.cast::<PyString>() {
            visitor.visit_str(&text.to_cow()?)
        } else if given.is_none() {
            visitor.visit_unit()
        } else if let Ok(flag) = given.cast::<PyBool>() {
            visitor.visit_bool(flag.is_true())
        } else if given.is_instance_of::<PyDict>() {
            self.visit_fields(visitor)
        } else if self.is_list() {
            self.visit_items(visitor)
        } else if let Ok(number) = given.cast::<PyFloat>() {
            visitor.visit_f64(number.value())
        } else if self.is_bytes() {
            visitor.visit_bytes(&given.extract::<std::borrow::Cow<'_, [u8]>>()?)
        } else if let Ok(number) = given.extract::<i64>() {
            visitor.visit_i64(number)
        } else if let Ok(number) = given.extract::<u64>() {
            visitor.visit_u64(number)
        } else if self.is_like_list() {
            self.visit_items(visitor)
        } else {
            self.visit_fields(visitor)
        }
    }

    /// Whole numbers and what has `__float__` are real numbers too, but not what is true.
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0.extract::<f64>() {
            Ok(number) if !self.0.is_instance_of::<PyBool>() => visitor.visit_f64(number),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        // serde would take them for the text.
        if self.is_bytes() { self.unfit(&visitor) } else { self.deserialize_any(visitor) }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.0.is_none() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit_fields(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.visit_fields(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        if let Ok(name) = self.0.cast::<PyString>() {
            return visitor.visit_enum(name.to_cow()?.into_deserializer());
        }
        match self.0.cast::<PyMapping>() {
            Ok(mapping) if mapping.len()? == 1 => visitor.visit_enum(Fields::new(mapping)?),
            Ok(_) => Err(Error::custom("expected an object of one field")),
            Err(_) => Err(Error::custom(format!("expected one of {}", variants.join(", ")))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct identifier
    }
}

/// The items of a list, one after the other.
struct Items<'py> {
    items: Bound<'py, PyIterator>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = PythonizeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(item) = self.items.next() else { return Ok(None) };
        self.left = self.left.saturating_sub(1);
        seed.deserialize(Reader(&item?)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The fields of an object, as they were when it was begun; of one that has one field, the variant.
struct Fields<'py> {
    names: Bound<'py, PyList>,
    values: Bound<'py, PyList>,
    place: usize,
}

impl<'py> Fields<'py> {
    fn new(mapping: &Bound<'py, PyMapping>) -> PyResult<Self> {
        Ok(Self { names: mapping.keys()?, values: mapping.values()?, place: 0 })
    }

    fn name<'de, K: DeserializeSeed<'de>>(&self, seed: K) -> Result<K::Value> {
        let name = self.names.get_item(self.place)?;
        let Ok(name) = name.cast::<PyString>() else {
            return Err(Error::custom("expected a text as the name of a field"));
        };
        let name = name.to_cow()?;
        let name: StrDeserializer<'_, PythonizeError> = name.as_ref().into_deserializer();
        seed.deserialize(name)
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = PythonizeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if self.place < self.names.len() { self.name(seed).map(Some) } else { Ok(None) }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        let value = self.values.get_item(self.place)?;
        self.place += 1;
        seed.deserialize(Reader(&value))
    }
}

impl<'de> EnumAccess<'de> for Fields<'_> {
    type Error = PythonizeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self)> {
        Ok((self.name(seed)?, self))
    }
}

impl<'de> VariantAccess<'de> for Fields<'_> {
    type Error = PythonizeError;

    fn unit_variant(mut self) -> Result<()> {
        self.next_value()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(mut self, seed: T) -> Result<T::Value> {
        self.next_value_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        Reader(&self.values.get_item(self.place)?).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        Reader(&self.values.get_item(self.place)?).deserialize_map(visitor)
    }
}
