//! Writes the API's description to `web/openapi.json`: `make openapi`.

fn main() -> std::io::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/openapi.json");
    std::fs::write(path, freehold_server::openapi())
}
