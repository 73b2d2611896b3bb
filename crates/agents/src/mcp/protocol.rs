//! What a line of the protocol asks for, and how it is answered. Pure.

use serde_json::{Map, Value, json};

use crate::tools::Definition;

/// The stateless version.
const MODERN: &str = "2026-07-28";
/// The versions with `initialize`, newest first.
const WITH_HANDSHAKE: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// Where a request of the stateless era says its version.
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
/// The tools never change while the server runs; an hour is as good as a day.
const TTL_MS: u64 = 3_600_000;

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
pub(super) const INVALID_PARAMS: i64 = -32602;
const UNSUPPORTED_VERSION: i64 = -32022;

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ask {
    pub(crate) id: Value,
    pub(super) method: String,
    pub(super) params: Map<String, Value>,
    /// It says its version itself: answers carry what the stateless era wants.
    modern: bool,
}

/// What to do about a line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Asked {
    /// Answer at once.
    Answer(Ask),
    /// Run a tool.
    Call(Ask),
    /// Give up the call with this id.
    Cancel(Value),
    /// A notification that means nothing here.
    Nothing,
}

/// Reads a line. `Err` is the answer to one that cannot be served.
pub(crate) fn ask(line: &[u8]) -> Result<Asked, Value> {
    let message: Value = serde_json::from_slice(line)
        .map_err(|_| failed(&Value::Null, PARSE_ERROR, "that is not JSON"))?;
    let invalid = |id: &Value, why| failed(id, INVALID_REQUEST, why);
    let Value::Object(mut message) = message else {
        return Err(invalid(&Value::Null, "one request a line; no batches"));
    };
    let id = message.remove("id");
    let shown = id.clone().unwrap_or(Value::Null);
    let Some(Value::String(method)) = message.remove("method") else {
        // An answer to something that was never asked, or nothing that is known.
        return Err(invalid(&shown, "it has no method"));
    };
    let params = match message.remove("params") {
        None => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => return Err(failed(&shown, INVALID_PARAMS, "params is no object")),
    };
    let Some(id) = id else {
        let cancelled = params.get("requestId").cloned();
        return Ok(match (method.as_str(), cancelled) {
            ("notifications/cancelled", Some(id)) => Asked::Cancel(id),
            _ => Asked::Nothing,
        });
    };
    if !(id.is_string() || id.is_number()) {
        return Err(invalid(&Value::Null, "an id is a string or a number"));
    }
    let version = params.get("_meta").and_then(|meta| meta.get(VERSION_KEY));
    if let Some(version) = version
        && version != MODERN
    {
        let mut answer = failed(&id, UNSUPPORTED_VERSION, "that version is not spoken here");
        answer["error"]["data"] = json!({"supported": [MODERN], "requested": version});
        return Err(answer);
    }
    let modern = version.is_some();
    let ask = Ask {
        id,
        method,
        params,
        modern,
    };
    match ask.method.as_str() {
        "tools/call" => Ok(Asked::Call(ask)),
        "initialize" | "ping" if ask.modern => Err(unknown(&ask)),
        "initialize" | "ping" | "server/discover" | "tools/list" => Ok(Asked::Answer(ask)),
        _ => Err(unknown(&ask)),
    }
}

impl Ask {
    /// The answer to what needs no tool.
    pub(crate) fn answer(&self, offer: &[Definition]) -> Value {
        match self.method.as_str() {
            "initialize" => {
                let wanted = self.params.get("protocolVersion").and_then(Value::as_str);
                let version = WITH_HANDSHAKE
                    .into_iter()
                    .find(|known| Some(*known) == wanted)
                    .unwrap_or(WITH_HANDSHAKE[0]);
                result(
                    self,
                    json!({
                        "protocolVersion": version, "capabilities": {"tools": {}},
                        "serverInfo": identity(), "instructions": INSTRUCTIONS,
                    }),
                )
            }
            "server/discover" => cached(
                &Self {
                    modern: true,
                    ..self.clone()
                },
                json!({
                    "supportedVersions": [MODERN], "capabilities": {"tools": {}},
                    "serverInfo": identity(), "instructions": INSTRUCTIONS,
                }),
            ),
            "tools/list" => {
                let tools: Vec<Value> = offer.iter().map(described).collect();
                cached(self, json!({"tools": tools}))
            }
            _ => result(self, json!({})),
        }
    }
}

const INSTRUCTIONS: &str = "Files are those of the workspace, by paths relative to it. Commands run in the same sandbox \
as you do: no more can be reached by them than by you.";

fn identity() -> Value {
    json!({"name": "freehold", "title": "Freehold's tools", "version": env!("CARGO_PKG_VERSION")})
}

fn described(tool: &Definition) -> Value {
    json!({
        "name": tool.name, "description": tool.description, "inputSchema": tool.parameters,
        "annotations": {
            "readOnlyHint": tool.read_only, "destructiveHint": !tool.read_only, "openWorldHint": false,
        },
    })
}

/// A result in the asker's era.
pub(super) fn result(ask: &Ask, mut body: Value) -> Value {
    if ask.modern {
        body["resultType"] = "complete".into();
    }
    json!({"jsonrpc": "2.0", "id": ask.id, "result": body})
}

/// A result that may be kept; the older era has no words for that.
fn cached(ask: &Ask, mut body: Value) -> Value {
    if ask.modern {
        body["ttlMs"] = TTL_MS.into();
        body["cacheScope"] = "private".into();
    }
    result(ask, body)
}

pub(super) fn failed(id: &Value, code: i64, why: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": why}})
}

fn unknown(ask: &Ask) -> Value {
    failed(&ask.id, METHOD_NOT_FOUND, "there is no such method here")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::definitions;

    fn answer(message: Value) -> Value {
        match ask(message.to_string().as_bytes()) {
            Ok(Asked::Answer(ask)) => ask.answer(&definitions()),
            Ok(other) => panic!("{other:?}"),
            Err(answer) => answer,
        }
    }

    fn request(method: &str, params: Value) -> Value {
        json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
    }

    #[test]
    fn the_handshake_settles_on_a_version_that_both_know() {
        for (asked, agreed) in [
            ("2024-11-05", "2024-11-05"),
            ("2025-11-25", "2025-11-25"),
            ("2026-07-28", "2025-11-25"),
            ("1999-01-01", "2025-11-25"),
        ] {
            let told = answer(request("initialize", json!({"protocolVersion": asked})));
            assert_eq!(told["result"]["protocolVersion"], agreed);
            assert_eq!(told["result"].get("resultType"), None);
        }
        let none = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(ask(none.to_string().as_bytes()), Ok(Asked::Nothing));
    }

    #[test]
    fn the_stateless_era_is_spoken_too() {
        let meta = json!({"_meta": {VERSION_KEY: MODERN}});
        let told = answer(request("server/discover", meta.clone()));
        assert_eq!(told["result"]["supportedVersions"], json!([MODERN]));
        assert_eq!(told["result"]["resultType"], "complete");
        let told = answer(request("tools/list", meta.clone()));
        assert_eq!(told["result"]["ttlMs"], TTL_MS);
        assert_eq!(
            answer(request("initialize", meta))["error"]["code"],
            METHOD_NOT_FOUND
        );
        let newer = json!({"_meta": {VERSION_KEY: "2031-01-01"}});
        let told = answer(request("tools/list", newer));
        assert_eq!(told["error"]["code"], UNSUPPORTED_VERSION);
        assert_eq!(told["error"]["data"]["supported"], json!([MODERN]));
    }

    #[test]
    fn nonsense_gets_an_answer_and_no_more() {
        for (line, code) in [
            (&b"{"[..], PARSE_ERROR),
            (b"\xff\xfe", PARSE_ERROR),
            (b"[]", INVALID_REQUEST),
            (b"7", INVALID_REQUEST),
            (b"{\"id\":1}", INVALID_REQUEST),
            (b"{\"id\":{},\"method\":\"ping\"}", INVALID_REQUEST),
            (
                b"{\"id\":1,\"method\":\"ping\",\"params\":[]}",
                INVALID_PARAMS,
            ),
            (
                b"{\"id\":1,\"method\":\"resources/list\"}",
                METHOD_NOT_FOUND,
            ),
        ] {
            assert_eq!(ask(line).unwrap_err()["error"]["code"], code);
        }
    }

    #[test]
    fn every_tool_says_whether_it_changes_anything() {
        let told = answer(request("tools/list", json!({})));
        let tools = told["result"]["tools"].as_array().unwrap();
        assert_eq!(tools.len(), definitions().len());
        let changing: Vec<_> = tools
            .iter()
            .filter(|tool| tool["annotations"]["readOnlyHint"] == false)
            .map(|tool| tool["name"].as_str().unwrap())
            .collect();
        assert_eq!(
            changing,
            [
                "shell",
                "write_file",
                "edit_file",
                "move_file",
                "remove_file"
            ]
        );
    }

    #[test]
    fn a_call_can_be_given_up() {
        let line = json!({"method": "notifications/cancelled", "params": {"requestId": 7}});
        assert_eq!(
            ask(line.to_string().as_bytes()),
            Ok(Asked::Cancel(json!(7)))
        );
        let call = request("tools/call", json!({"name": "shell"}));
        assert!(matches!(
            ask(call.to_string().as_bytes()),
            Ok(Asked::Call(_))
        ));
    }
}
