//! Says when an optimised build must look at the embedded folders again: the macro follows the
//! contents of files that it knows, and no file that is new. Other builds read from the disk.

#[expect(
    clippy::disallowed_methods,
    reason = "cargo speaks to a build script by its environment"
)]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let optimised = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if optimised {
        // Where `web/dist` is missing, cargo runs this each time, and so sees it appear.
        println!("cargo:rerun-if-changed=../../web/dist");
        println!("cargo:rerun-if-changed=../../docs/errors");
    }
}
