//! From Rust's own types to values, so that a caller writes `"title" => "Emma"`.

use super::{Address, FileRef, Money, Value};
use crate::{Date, RecordId, Timestamp};

macro_rules! value_from {
    ($( $type:ty => |$it:ident| $value:expr; )*) => {
        $( impl From<$type> for Value {
            fn from($it: $type) -> Self { $value }
        } )*
    };
}

value_from! {
    &str => |text| Self::Text(text.to_owned());
    String => |text| Self::Text(text);
    bool => |value| Self::Bool(value);
    i64 => |number| Self::Integer(number);
    i32 => |number| Self::Integer(number.into());
    u32 => |number| Self::Integer(number.into());
    f64 => |number| Self::Real(number);
    Vec<String> => |items| Self::List(items);
    Vec<&str> => |items| Self::List(items.into_iter().map(str::to_owned).collect());
    Money => |money| Self::Money(money);
    Address => |address| Self::Address(address);
    FileRef => |file| Self::File(file);
    Date => |date| Self::Text(date.to_string());
    Timestamp => |timestamp| Self::Text(timestamp.to_string());
    RecordId => |id| Self::Text(id.to_string());
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
