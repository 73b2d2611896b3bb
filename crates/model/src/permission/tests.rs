use super::*;
use proptest::prelude::*;

fn role() -> impl Strategy<Value = Role> {
    proptest::sample::select(Role::ALL.to_vec())
}
fn action() -> impl Strategy<Value = Action> {
    proptest::sample::select(Action::ALL.to_vec())
}
fn scopes() -> impl Strategy<Value = Scopes> {
    proptest::sample::subsequence(Scope::ALL.to_vec(), 0..=Scope::ALL.len())
        .prop_map(|scopes| scopes.into_iter().collect())
}
fn rights() -> impl Strategy<Value = Rights> {
    (role(), any::<bool>(), scopes()).prop_map(|(role, review, scopes)| Rights {
        role,
        review,
        scopes,
    })
}
fn may(rights: Rights, action: Action) -> bool {
    decide(rights, action).is_ok()
}

proptest! {
    #[test]
    fn whoever_is_more_may_more(rights in rights(), more in role(), action in action()) {
        let above = Rights { role: rights.role.max(more), ..rights };
        prop_assert!(!may(rights, action) || may(above, action));
    }

    #[test]
    fn scopes_only_take_away(rights in rights(), action in action()) {
        let all = Rights { scopes: Scopes::ALL, ..rights };
        prop_assert!(!may(rights, action) || may(all, action));
    }

    #[test]
    fn the_right_to_review_adds_the_decision_and_nothing_else(rights in rights(), action in action()) {
        let (without, with) = (Rights { review: false, ..rights }, Rights { review: true, ..rights });
        prop_assert!(!may(without, action) || may(with, action));
        if may(with, action) && !may(without, action) {
            prop_assert!(matches!(action, Action::RunApprove | Action::RunReject));
        }
    }

    /// Whatever is made of whatever was granted, it is never more than the maker has.
    #[test]
    fn a_token_never_reaches_further_than_its_maker(
        maker in rights(), most in proptest::option::of(role()), service in proptest::option::of(role()),
        scopes in scopes(), action in action(),
    ) {
        let token = match service {
            Some(role) => Holder::Service { role },
            None => Holder::Personal { most },
        };
        if let Ok(granted) = grant(maker, token, scopes) {
            let rights = match token {
                Holder::Personal { .. } => Rights {
                    role: granted.role.unwrap_or(maker.role).min(maker.role),
                    review: maker.review,
                    scopes: granted.scopes,
                },
                Holder::Service { role } => Rights { role, review: false, scopes: granted.scopes },
            };
            prop_assert!(!may(rights, action) || may(maker, action));
            prop_assert!(!granted.scopes.has(Scope::Account));
            let decides = matches!(action, Action::RunApprove | Action::RunReject);
            prop_assert!(!(service.is_some() && decides && may(rights, action)), "a machine decides");
        }
    }

    #[test]
    fn a_set_of_scopes_survives_its_words(scopes in scopes()) {
        let words: Vec<&str> = scopes.iter().map(Scope::name).collect();
        prop_assert_eq!(Scopes::known(words), scopes);
    }
}

#[test]
fn a_viewer_changes_nothing_but_what_is_their_own() {
    for rule in RULES {
        let own = rule.scope.is_none() || rule.scope == Some(Scope::Account);
        // Where an organization's webhooks are may hold a secret of their receivers'.
        let reads = rule.scope.is_some_and(|s| s.name().starts_with("read:"))
            && rule.action != Action::WebhookRead;
        let viewer = may(Rights::of(Role::Viewer), rule.action);
        assert_eq!(
            viewer,
            reads || (own && rule.who == Who::AtLeast(Role::Viewer)),
            "{}",
            rule.word
        );
    }
}

#[test]
fn the_table_has_each_action_once_in_its_place() {
    let mut words = std::collections::BTreeSet::new();
    for (place, rule) in RULES.iter().enumerate() {
        assert_eq!(rule.action as usize, place, "{}", rule.word);
        assert_eq!(rule.action.rule().word.parse(), Ok(rule.action));
        assert!(words.insert(rule.word), "{} is there twice", rule.word);
    }
    assert_eq!(RULES.len(), Action::ALL.len());
}

#[test]
fn every_scope_is_for_something_or_says_that_it_is_not_yet() {
    for scope in Scope::ALL {
        let used = RULES.iter().any(|rule| rule.scopes().any(|s| s == *scope));
        assert_ne!(used, scope.does().contains("(no action yet)"), "{scope}");
        assert_eq!(scope.name().parse(), Ok(*scope));
    }
    assert!("read:everything".parse::<Scope>().is_err());
}

#[test]
fn what_is_missing_is_named_and_the_person_s_part_first() {
    let viewer = Rights {
        scopes: Scopes::NONE,
        ..Rights::of(Role::Viewer)
    };
    assert_eq!(
        decide(viewer, Action::CardAdd),
        Err(Missing::Role(Role::Developer))
    );
    assert_eq!(decide(viewer, Action::RunApprove), Err(Missing::Review));
    let owner = Rights {
        scopes: Scopes::known(["read:jobs"]),
        ..Rights::of(Role::Owner)
    };
    assert_eq!(
        decide(owner, Action::CardAdd),
        Err(Missing::Scope(Scope::WriteBoard))
    );
    assert_eq!(decide(owner, Action::RunRead), Ok(()));
}

#[test]
fn what_cannot_be_taken_back_takes_a_scope_of_its_own() {
    let all_but = |scope| Rights {
        scopes: Scopes::ALL.without([scope].into_iter().collect()),
        ..Rights::of(Role::Owner)
    };
    let without = all_but(Scope::Destroy);
    let mut marked = 0;
    for rule in RULES {
        let lacks = decide(without, rule.action) == Err(Missing::Scope(Scope::Destroy));
        assert_eq!(lacks, rule.confirmed, "{}", rule.word);
        marked += usize::from(rule.confirmed);
        // It opens nothing by itself.
        if let Some(scope) = rule.scope {
            assert!(!may(all_but(scope), rule.action), "{}", rule.word);
        }
    }
    assert!(marked >= 6, "{marked}");
}

#[test]
fn what_is_not_granted_is_said_and_not_left_out() {
    let admin = Rights::of(Role::Admin);
    let personal = Holder::Personal { most: None };
    let service = |role| Holder::Service { role };
    let scopes = |words: &[&str]| Scopes::known(words.iter().copied());
    let read = scopes(&["read:jobs"]);
    assert_eq!(
        grant(admin, personal, Scopes::NONE),
        Err(NotGranted::NoScope)
    );
    let account = scopes(&["account", "read:jobs"]);
    assert_eq!(
        grant(admin, personal, account),
        Err(NotGranted::OfSessions(Scope::Account))
    );
    let review = scopes(&["review"]);
    assert!(grant(admin, personal, review).is_ok());
    let by_machine = grant(admin, service(Role::Admin), review);
    assert_eq!(by_machine, Err(NotGranted::OfPeople(Scope::Review)));
    assert_eq!(
        grant(Rights::of(Role::Owner), service(Role::Owner), read),
        Err(NotGranted::Owner)
    );
    let most = Holder::Personal {
        most: Some(Role::Owner),
    };
    assert_eq!(grant(admin, most, read), Err(NotGranted::Role(Role::Admin)));
    let limited = Rights {
        scopes: read,
        ..admin
    };
    let more = scopes(&["read:jobs", "write:jobs"]);
    assert_eq!(
        grant(limited, personal, more),
        Err(NotGranted::Scope(Scope::WriteJobs))
    );
}
