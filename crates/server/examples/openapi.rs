//! Writes the API's description to `web/openapi.json`, and who may do what to `docs/permissions.md`:
//! `make openapi`.

fn main() -> std::io::Result<()> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    std::fs::write(
        format!("{root}/web/openapi.json"),
        freehold_server::openapi(),
    )?;
    std::fs::write(
        format!("{root}/docs/permissions.md"),
        freehold_server::permissions(),
    )
}
