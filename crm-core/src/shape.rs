//! `Debug` of records with texts in them that may be personal: it shows how long they are.
//!
//! A [`Value`](crate::Value) takes care of itself; this is for the plain texts beside it, such as a
//! table, a path, or a cursor with a key in it. The invariant: every field of such a record is named
//! as shown or as hidden, for without that it does not compile.

use std::fmt;

/// Shows of texts how long they are.
pub(crate) struct Shape<'a, T>(pub(crate) &'a T);

impl fmt::Debug for Shape<'_, String> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "text of {} bytes", self.0.len())
    }
}

impl fmt::Debug for Shape<'_, Option<String>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map(Shape).fmt(f)
    }
}

impl fmt::Debug for Shape<'_, Vec<String>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", self.0.len())
    }
}

impl fmt::Debug for Shape<'_, Option<f64>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map(|_| "a number").fmt(f)
    }
}

/// Implements `Debug` for a struct: `debug! { Struct shows(a, b) hides(c) }`.
macro_rules! debug {
    ($name:ident shows($($shown:ident),*) hides($($hidden:ident),+)) => {
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                let Self { $($shown,)* $($hidden,)+ } = self;
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($shown), $shown))*
                    $(.field(stringify!($hidden), &$crate::shape::Shape($hidden)))+
                    .finish()
            }
        }
    };
}

pub(crate) use debug;

#[cfg(test)]
mod tests {
    struct Call {
        number: u8,
        name: String,
        note: Option<String>,
        lines: Vec<String>,
    }

    super::debug! { Call shows(number) hides(name, note, lines) }

    #[test]
    fn texts_show_their_length() {
        let mut call =
            Call { number: 1, name: "Ann".into(), note: None, lines: vec!["x".into(); 2] };
        let shown = "Call { number: 1, name: text of 3 bytes, note: None, lines: a list of 2 }";
        assert_eq!(format!("{call:?}"), shown);
        call.note = Some("Äh".into());
        assert!(format!("{call:?}").contains("note: Some(text of 3 bytes)"));
    }
}
