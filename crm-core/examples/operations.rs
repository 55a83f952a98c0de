//! Prints the table of operations and the JSON Schema of every record in it, as one JSON object:
//! `{"operations": [{"name", "method", "mode", "request", "response", "doc"}], "records": {…}}`.
//! The generated documents are made from it, and so can be a client in another language:
//!
//! ```sh
//! cargo run -p crm-core --features schema --example operations
//! ```
#![allow(clippy::wildcard_imports, reason = "the rows name most of the records")]

use std::io::{self, Write as _};

use crm_core::*;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

macro_rules! table {
    ($(
        $(#[doc = $doc:literal])*
        $mode:ident $name:literal $variant:ident $method:ident($request:ty) -> $response:ty = $run:expr;
    )*) => {
        /// The rows; on the way the generator learns every record.
        fn rows(generator: &mut SchemaGenerator) -> Vec<Value> {
            vec![$(
                json!({
                    "name": $name,
                    "method": stringify!($method),
                    "mode": stringify!($mode),
                    "request": generator.subschema_for::<$request>(),
                    "response": generator.subschema_for::<$response>(),
                    "doc": concat!($($doc),*).trim_ascii(),
                })
            ),*]
        }
    };
}

crm_core::for_each_operation!(table);

fn main() -> io::Result<()> {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let operations = rows(&mut generator);
    let records = generator.take_definitions(true);
    let text =
        serde_json::to_string_pretty(&json!({"operations": operations, "records": records}))?;
    writeln!(io::stdout(), "{text}")
}
