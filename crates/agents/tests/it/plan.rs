//! What is planned, and what is refused before anything runs.

use freehold_agents::{AgentConfig, Driver, Preset, ProviderKind, Session, plan};
use freehold_sandbox::Stdin;

use crate::kit::{TOKEN, config, endpoint, inside, with_model};

fn preset(preset: Preset, driver: Driver, kind: ProviderKind) -> AgentConfig {
    AgentConfig {
        preset: Some(preset),
        ..with_model(driver, kind)
    }
}

#[test]
fn what_does_not_fit_is_refused_with_the_next_step() {
    let nothing = config(Driver::Command, &[]);
    let both = AgentConfig {
        preset: Some(Preset::Codex),
        ..config(Driver::Builtin, &[])
    };
    let nameless = AgentConfig {
        model: None,
        ..preset(Preset::Opencode, Driver::Acp, ProviderKind::Openai)
    };
    let option = AgentConfig {
        model: Some("--yolo".into()),
        ..with_model(Driver::Builtin, ProviderKind::Openai)
    };
    let claude = preset(Preset::Claude, Driver::Command, ProviderKind::Openai);
    let gemini = preset(Preset::Gemini, Driver::Acp, ProviderKind::Openai);
    for (config, wanted) in [
        (nothing, "the agent has no command; give one after `--`"),
        (
            both,
            "use `--driver acp` or `--driver command` with `--preset codex`",
        ),
        (nameless, "no model is named"),
        (option, "`--yolo` is no name of a model"),
        (claude, "use a provider of kind anthropic or ollama"),
        (gemini, "no kind of provider serves it yet"),
    ] {
        let error = plan(&config, &inside(), Some(&endpoint()), None)
            .unwrap_err()
            .to_string();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
    let error = plan(
        &with_model(Driver::Builtin, ProviderKind::Openai),
        &inside(),
        None,
        None,
    )
    .unwrap_err();
    assert!(error.to_string().contains("--provider NAME"), "{error}");
    let tmp = freehold_agents::Inside {
        home: "/tmp/home".into(),
        ..inside()
    };
    let codex = preset(Preset::Codex, Driver::Acp, ProviderKind::Openai);
    assert!(
        plan(&codex, &tmp, Some(&endpoint()), None)
            .unwrap_err()
            .to_string()
            .contains("below /tmp")
    );
}

#[test]
fn no_argument_and_no_file_holds_the_token() {
    for (agent, driver, kind) in [
        (Preset::Codex, Driver::Acp, ProviderKind::Openai),
        (Preset::Codex, Driver::Command, ProviderKind::Ollama),
        (Preset::Opencode, Driver::Acp, ProviderKind::Anthropic),
        (Preset::Opencode, Driver::Command, ProviderKind::Openai),
        (Preset::Claude, Driver::Command, ProviderKind::Anthropic),
        (Preset::Claude, Driver::Acp, ProviderKind::Ollama),
    ] {
        let launch = plan(
            &preset(agent, driver, kind),
            &inside(),
            Some(&endpoint()),
            None,
        )
        .unwrap();
        assert!(
            !launch.args.iter().any(|arg| arg.contains(TOKEN)),
            "{agent}"
        );
        for file in &launch.home_files {
            assert!(
                !String::from_utf8_lossy(&file.bytes).contains(TOKEN),
                "{agent}"
            );
            assert!(file.path.is_relative());
        }
        assert!(launch.env.values().any(|value| value == TOKEN), "{agent}");
        assert!(!format!("{launch:?}").contains(TOKEN), "{agent}");
        assert_eq!(launch.stdin, Stdin::Piped);
        assert_eq!(launch.env["HOME"], "/home/freehold");
        assert_eq!(launch.env["FREEHOLD_CARD"], "/run/freehold/card.json");
    }
}

#[test]
fn a_command_names_the_program_and_the_preset_adds_its_mode_once() {
    let base = preset(Preset::Opencode, Driver::Acp, ProviderKind::Openai);
    for (command, args) in [
        (&[][..], &["acp"][..]),
        (&["/opt/opencode"], &["acp"]),
        (&["/opt/opencode", "acp"], &["acp"]),
    ] {
        let command = command.iter().map(|&word| word.to_owned()).collect();
        let launch = plan(
            &AgentConfig {
                command,
                ..base.clone()
            },
            &inside(),
            Some(&endpoint()),
            None,
        )
        .unwrap();
        assert_eq!(launch.args, args);
    }
    let session = Session {
        id: "s7".into(),
        agent_version: None,
    };
    let headless = preset(Preset::Codex, Driver::Command, ProviderKind::Openai);
    let launch = plan(&headless, &inside(), Some(&endpoint()), Some(&session)).unwrap();
    assert_eq!(launch.args[..3], ["exec", "resume", "s7"].map(String::from));
}
