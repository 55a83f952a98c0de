//! Gives the shared library the name by which programs ask for it at run time. Without one, a
//! program may remember the path where the library lay when it was linked.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let name = match env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("macos" | "ios") => "-Wl,-install_name,@rpath/libcrm.dylib",
        Ok("windows") | Err(_) => return,
        Ok(_) => "-Wl,-soname,libcrm.so",
    };
    println!("cargo::rustc-cdylib-link-arg={name}");
}
