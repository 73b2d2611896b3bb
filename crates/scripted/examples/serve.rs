//! Serves a script by hand: `cargo run -p freehold-scripted --example serve -- SCRIPT.toml PORT`.
#![expect(
    clippy::print_stdout,
    reason = "an example talks to whoever started it"
)]

use freehold_scripted::{Listen, Script, ScriptedModel};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: serve SCRIPT.toml [PORT]")?;
    let port = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let script = Script::from_toml(&std::fs::read_to_string(path)?)?;
    let model = ScriptedModel::start(script, Listen::Loopback(port)).await?;
    println!("{}", model.url());
    tokio::signal::ctrl_c().await?;
    model.shutdown().await;
    Ok(())
}
