//! The words themselves.

use super::program::Home;

#[test]
fn help_teaches() {
    insta::assert_snapshot!(Home::empty().run(&["--help"]), @"
    exit code 0
    --- stdout
    Freehold runs coding agents on machines that you own: a card on the board becomes a reviewed commit on your own git remote.

    Usage: freehold [OPTIONS] <COMMAND>

    Commands:
      up           Start everything on this machine: server, runner and database
      project      Projects: the git repositories that work is done in
      provider     Providers: the model endpoints that agents use
      agent        Agents: the programs that work on cards
      card         Cards: what is wanted
      run          Runs: an agent at work on a card, and the review of what came of it
      inbox        Print what needs a person: finished work, failed runs, runs that nobody takes
      runner       Runners: the machines that agents work on
      environment  Environments: projects that a runner has at hand
      token        Tokens: what programs use to act for you, or for the organization
      webhook      Webhooks: addresses that are told of what happens
      audit        The audit log: who did what, and the proof of it
      login        Sign this machine in to a server that is elsewhere
      device       Devices: machines that ask to be signed in as you
      member       Members: who is in the organization
      invite       Invitations: who is to come into the organization
      sign-in      Print a link that signs one browser in to Studio, once
      sign-out     Revoke the token that this command uses
      whoami       Print who you are to the server
      sandbox      Run a command as a run would: in the sandbox, with this machine's tools and the registries
      vm           Run jobs in virtual machines of this machine
      doctor       Say what this machine has and lacks, and how to mend it
      backup       Take a backup of the installation on this machine, while it runs
      restore      Put a backup into a new data directory
      admin        What whoever operates the server does about people, on its own machine
      completions  Print the completions for a shell

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Everywhere:
          --json
              Print JSON for programs: one document (errors: one line on standard error)

          --url <URL>
              The server's address [env: FREEHOLD_URL]

          --data <DIR>
              The data directory of the installation on this machine [env: FREEHOLD_DATA]

    From nothing to a landed commit:
      freehold up                                     (in a terminal of its own)
      freehold project add demo --remote git@example.org:demo.git
      freehold agent add fixer --driver command -- ./fix.sh
      freehold card add --project demo --title 'Mend the parser'
      freehold run start CARD --wait
      freehold run review RUN
      freehold run diff RUN
      freehold run approve RUN

    Environment:
      FREEHOLD_URL, FREEHOLD_TOKEN   the server and the token to use; without them the
                                     installation on this machine is found by its client.json,
                                     else the server that `freehold login` signed in to
      FREEHOLD_DATA                  that installation's data directory
      NO_COLOR                       no colour

    Exit codes: 0 done; 1 the work failed or was refused; 2 usage; 3 not allowed; 4 not reachable.
    ");
}

#[test]
fn help_of_a_command_has_an_example() {
    insta::assert_snapshot!(Home::empty().run(&["agent", "add", "--help"]), @"
    exit code 0
    --- stdout
    Add an agent

    Usage: freehold agent add [OPTIONS] --driver <DRIVER> <NAME> [-- <CMD>...]

    Arguments:
      <NAME>    Its name
      [CMD]...  The program and its arguments, after `--`

    Options:
          --driver <DRIVER>      How it is spoken to: any program, the Agent Client Protocol, or our own loop [possible values: command, acp, builtin]
          --preset <PRESET>      What is known about this agent: codex, opencode, claude, gemini
          --provider <P>         The model provider, by id or name
          --path <DIR>           A directory that its program needs, shown read-only in the sandbox; may be repeated
          --label <K=V>          What a runner must offer; may be repeated
          --timeout <D>          Hard limit on its time, like 90s, 10m, 1h [default: 60m]
          --stall <D>            Limit on its silence, like 90s, 10m, 1h [default: 10m]
          --isolation <TIER>     How its runs are kept apart: none, worktree, sandbox, container or vm [default: sandbox]
          --image <NAME_OR_DIR>  What a container starts from: a directory on the runner's machine, or an image's name
          --limit <NAME=VALUE>   What its runs may use up, like memory=4GiB, tasks=500, cpu=1.5, disk=10GiB; may be repeated
          --tools                Offer it our file and shell tools (Model Context Protocol), when it brings none
          --repository-settings  Let it find the repository's own settings for agents, which can start programs
      -h, --help                 Print help

    Everywhere:
          --json        Print JSON for programs: one document (errors: one line on standard error)
          --url <URL>   The server's address [env: FREEHOLD_URL]
          --data <DIR>  The data directory of the installation on this machine [env: FREEHOLD_DATA]

    Example:
      freehold agent add fixer --driver command -- ./fix.sh --quick
      freehold agent add codex --driver acp --preset codex --provider work
      freehold agent add loop --driver builtin --provider local --timeout 30m
      freehold agent add boxed --driver command --isolation container --image /srv/debian -- ./fix.sh

    Its runs are kept apart from the machine: by a sandbox where nothing else is said. `worktree` and
    `none` are unsandboxed: the agent may do what the runner's user may do, with the machine's network.
    In `worktree` each run has a working tree of its own; in `none` the runs of a project take turns in
    one, where what git ignores stays. They go only to machines whose owner says so, in policy.toml.
    ");
    insta::assert_snapshot!(Home::empty().run(&["run", "approve", "--help"]), @"
    exit code 0
    --- stdout
    Approve a run's work, and land it

    Usage: freehold run approve [OPTIONS] <RUN>

    Arguments:
      <RUN>  The run

    Options:
          --commit <C>  The commit that you saw
      -h, --help        Print help

    Everywhere:
          --json        Print JSON for programs: one document (errors: one line on standard error)
          --url <URL>   The server's address [env: FREEHOLD_URL]
          --data <DIR>  The data directory of the installation on this machine [env: FREEHOLD_DATA]

    Example:
      freehold run approve run_01k3v8r2tqf5w0h9m6zc4x7yne --commit 4f2a91c0

    Returns when the work is on the target (exit code 0) or was refused (exit code 1, with the reason).
    Without --commit the approval is for the commit that the run has at this moment.
    ");
    insta::assert_snapshot!(Home::empty().run(&["token", "create", "--help"]), @"
    exit code 0
    --- stdout
    Make a token for a program, good for what you say and nothing else; it is shown this once

    Usage: freehold token create [OPTIONS] --scope <SCOPE> <NAME>

    Arguments:
      <NAME>  What you call it

    Options:
          --scope <SCOPE>  What it is for; may be repeated
          --role <ROLE>    The most that it acts as: viewer, developer, admin or owner [default: what you are]
          --days <N>       How many days it is good for [default: 90]
          --service        Make it the organization's, in place of yours
      -h, --help           Print help

    Everywhere:
          --json        Print JSON for programs: one document (errors: one line on standard error)
          --url <URL>   The server's address [env: FREEHOLD_URL]
          --data <DIR>  The data directory of the installation on this machine [env: FREEHOLD_DATA]

    Examples:
      freehold token create ci --scope read:jobs --scope write:jobs > token
      freehold token create dashboard --scope read:board --scope read:jobs --role viewer --days 30
      freehold token create deploy --service --role developer --scope write:jobs

    It is printed alone on its line, once, and kept nowhere: put it where the program finds it as FREEHOLD_TOKEN.
    A token of yours acts as you, with its scopes alone, and ends with your membership. A --service token is the
    organization's: it acts with a role of its own, outlives you, and never decides on finished work. No token
    makes tokens. What cannot be taken back takes the scope destroy as well: nobody is asked before it is done.
    What each scope allows: docs/permissions.md.
    ");
    insta::assert_snapshot!(Home::empty().run(&["runner", "serve", "--help"]), @"
    exit code 0
    --- stdout
    Be a runner of a server; enrols with the token the first time

    Usage: freehold runner serve [OPTIONS] --server <URL>

    Options:
          --server <URL>       The server's address
          --token-file <FILE>  The file with the one-time enrolment token; `-` reads it from standard input
          --label <K=V>        What this runner offers; may be repeated
      -h, --help               Print help

    Everywhere:
          --json        Print JSON for programs: one document (errors: one line on standard error)
          --url <URL>   The server's address [env: FREEHOLD_URL]
          --data <DIR>  The data directory of the installation on this machine [env: FREEHOLD_DATA]

    Example:
      freehold runner serve --server https://freehold.example.org --token-file token --label gpu=a100

    An enrolled runner needs no token again.
    ");
    insta::assert_snapshot!(Home::empty().run(&["up", "--help"]), @"
    exit code 0
    --- stdout
    Start everything on this machine: server, runner and database

    Usage: freehold up [OPTIONS]

    Options:
          --listen <ADDR>              The address to serve on; port 0 picks a free one. Beyond loopback only with TLS [default: 127.0.0.1:8080]
          --accept-older-database      Go on with a database that is older than this server remembers; its live runs are marked
          --keep-events <TIME>         How long what happened in runs (steps, what agents printed) is kept: days, or `forever` [default: 400d]
          --keep-audit <TIME>          How long entries of the audit log are kept: days, 90 at least, or `forever` [default: 730d]
          --keep-audit-reading <TIME>  How long the audit log says who looked at what: days, or `forever` [default: 180d]
      -h, --help                       Print help

    Everywhere:
          --json        Print JSON for programs: one document (errors: one line on standard error)
          --url <URL>   The server's address [env: FREEHOLD_URL]
          --data <DIR>  The data directory of the installation on this machine [env: FREEHOLD_DATA]

    Example:
      cd my-repository && freehold up
      freehold up --data /srv/freehold --listen 127.0.0.1:9000 --json
    ");
}

#[test]
fn a_usage_error_is_exit_code_2() {
    insta::assert_snapshot!(Home::empty().run(&["run", "start"]), @"
    exit code 2
    --- stderr
    error: the following required arguments were not provided:
      <CARD>

    Usage: freehold run start <CARD>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Home::empty().run(&["run", "start", "--json"]), @r#"
    exit code 2
    --- stderr
    {"error":{"code":"usage","message":"the following required arguments were not provided: <CARD>","next":"write `freehold run start --json <CARD>`; see `freehold --help`, or `--help` after the command"}}
    "#);
    insta::assert_snapshot!(Home::empty().run(&["--json", "run", "strat"]), @r#"
    exit code 2
    --- stderr
    {"error":{"code":"usage","message":"unrecognized subcommand 'strat' tip: a similar subcommand exists: 'start'","next":"write `freehold run [OPTIONS] <COMMAND>`; see `freehold --help`, or `--help` after the command"}}
    "#);
    insta::assert_snapshot!(Home::empty().run(&["--json"]), @r#"
    exit code 2
    --- stderr
    {"error":{"code":"usage","message":"'freehold' requires a subcommand but one was not provided [subcommands: up, project, provider, agent, card, run, inbox, runner, environment, token, webhook, audit, login, device, member, invite, sign-in, sign-out, whoami, sandbox, vm, doctor, backup, restore, admin, completions, server, scripted-model]","next":"write `freehold [OPTIONS] <COMMAND>`; see `freehold --help`, or `--help` after the command"}}
    "#);
    let commands: [&[&str]; 10] = [
        &["agent", "add", "a", "--driver", "magic"],
        &[
            "agent",
            "add",
            "a",
            "--driver",
            "command",
            "--timeout",
            "10",
        ],
        &["agent", "add", "a", "--driver", "command", "--label", "gpu"],
        &[
            "agent", "add", "a", "--driver", "command", "--label", "a=1", "--label", "a=2",
        ],
        &[
            "provider",
            "add",
            "p",
            "--kind",
            "openai",
            "--base-url",
            "u",
            "--key-env",
            "sk-1",
        ],
        &[
            "provider",
            "add",
            "p",
            "--kind",
            "openai",
            "--base-url",
            "u",
            "--key-env",
            "A",
            "--key-file",
            "b",
        ],
        &["project", "add", "p", "--remote", "r", "--egress", "all"],
        &["card", "move", "c", "Nowhere"],
        &[
            "card",
            "add",
            "--project",
            "p",
            "--title",
            "t",
            "--depends",
            "not-a-card",
        ],
        &["run", "start", "c", "--idempotency-key", "a\u{7}"],
    ];
    let home = Home::empty()
        .set("FREEHOLD_URL", "http://localhost:1")
        .set("FREEHOLD_TOKEN", "t");
    for args in commands {
        let seen = home.run(&[args, &["--json"]].concat());
        assert_eq!(
            (seen.code, seen.error().as_str(), seen.out().as_str()),
            (2, "usage", ""),
            "{args:?}"
        );
    }
}

#[test]
fn no_word_takes_a_token() {
    let seen = Home::empty().run(&["--json", "project", "list", "--token", "x"]);
    assert_eq!((seen.code, seen.error().as_str()), (2, "usage"));
}

#[test]
fn completions_know_the_words() {
    for shell in ["bash", "zsh", "fish"] {
        let seen = Home::empty().run(&["completions", shell]);
        assert_eq!((seen.code, seen.err.as_str()), (0, ""));
        assert!(
            seen.out().contains("enroll-token") && seen.out().contains("approve"),
            "{shell}"
        );
    }
}

#[test]
fn the_version_is_told() {
    let seen = Home::empty().run(&["--version"]);
    assert_eq!(
        seen.out(),
        format!("freehold {}\n", env!("CARGO_PKG_VERSION"))
    );
}
