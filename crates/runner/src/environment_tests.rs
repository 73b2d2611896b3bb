//! Places, without a server: what is written down, and what counts as changed.
use super::*;
use freehold_model::TenantId;

fn id<K>(n: u8) -> freehold_model::Id<K> {
    freehold_model::Id::at(chrono::DateTime::UNIX_EPOCH, [n; 10])
}

fn project(n: u8) -> ProjectRef {
    let _tenant: TenantId = id(0);
    ProjectRef {
        id: id(n),
        name: "demo".into(),
        remote: "file:///srv/demo.git".into(),
        target: "main".into(),
        directory: None,
    }
}

#[tokio::test]
async fn a_later_life_knows_its_places_and_removes_what_was_half_done() {
    let data = tempfile::tempdir().unwrap();
    let first = Environments::open(data.path()).unwrap();
    assert_eq!(first.held(), vec![]);
    first.enter(id(1), &project(7), Some(id(5))).await.unwrap();
    first.enter(id(1), &project(7), Some(id(6))).await.unwrap();
    first.enter(id(2), &project(8), None).await.unwrap();
    let dir = data.path().join("environments");
    fs::create_dir_all(
        dir.join(id::<freehold_model::id::kind::Environment>(3).to_string())
            .join("work"),
    )
    .unwrap();
    fs::write(dir.join("env_x.new"), "{").unwrap();
    fs::write(dir.join("nonsense.json"), "{}").unwrap();
    let later = Environments::open(data.path()).unwrap();
    assert_eq!(later.held(), vec![id(1), id(2)]);
    assert_eq!(later.places()[&id(1)].runs, BTreeSet::from([id(5), id(6)]));
    assert_eq!(
        fs::read_dir(&dir).unwrap().count(),
        2,
        "what is no place is gone"
    );

    // The project's next environment here is the same place.
    later.enter(id(4), &project(7), None).await.unwrap();
    assert_eq!(later.held(), vec![id(2), id(4)]);
    assert_eq!(later.places()[&id(4)].runs.len(), 2);
    assert_eq!(
        Environments::open(data.path()).unwrap().held(),
        vec![id(2), id(4)]
    );
}

#[test]
fn a_workspace_that_anybody_touched_is_not_what_was_parked() {
    let data = tempfile::tempdir().unwrap();
    let dir = data.path().join("run");
    for folder in ["work/src", "scratch", "home"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    let file = dir.join("work/src/lib.rs");
    fs::write(&file, "fn main() {}").unwrap();
    let kept = dir.join("kept.json");
    fs::write(&kept, "{}").unwrap();
    let parked = |path: &Path| {
        let meta = fs::metadata(path).unwrap();
        (meta.ctime(), meta.ctime_nsec())
    };
    let at = parked(&kept);
    assert!(is_untouched(&dir, at));
    fs::write(dir.join("home/.history"), "").unwrap();
    assert!(is_untouched(&dir, at), "the home was parked by itself");
    // The kernel's clock moves in ticks: wait for the next one.
    let later = |change: &dyn Fn()| loop {
        change();
        if parked(&file) > at || parked(&dir.join("work/src")) > at {
            break;
        }
    };
    later(&|| {
        let same = fs::read(&file).unwrap();
        fs::write(&file, same).unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH;
        fs::File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_modified(old)
            .unwrap();
    });
    assert!(
        !is_untouched(&dir, at),
        "a time that was set back hides nothing"
    );
    assert!(!is_untouched(&data.path().join("nothing"), at));
}

#[tokio::test]
async fn a_store_is_needed_by_what_outlived_its_environment() {
    let data = tempfile::tempdir().unwrap();
    let open = || Environments::open(data.path()).unwrap();
    let (first, second, third) = (id(1), id(2), id(3));
    let life = open();
    life.enter(first, &project(7), Some(id(5))).await.unwrap();
    let place = life.places()[&first].clone();
    assert!(!life.is_shared(first, &place));
    life.outlive(&place, &BTreeSet::from([id(5)])).unwrap();
    life.places().remove(&first);
    fs::remove_file(life.file(first)).unwrap();

    let life = open();
    assert_eq!(life.held(), vec![]);
    // Another project on the same remote: the store stays, and its runs are its own.
    life.enter(second, &project(8), Some(id(6))).await.unwrap();
    let place = life.places()[&second].clone();
    assert!(life.is_shared(second, &place));
    assert_eq!(life.runs_of(&place), BTreeSet::from([id(6)]));
    life.outlive(&place, &BTreeSet::new()).unwrap();
    assert!(life.is_shared(second, &place), "not its own to forget");
    life.places().remove(&second);
    fs::remove_file(life.file(second)).unwrap();
    // The project's next one looks at it again, and forgets it when it is gone.
    life.enter(third, &project(7), None).await.unwrap();
    let place = life.places()[&third].clone();
    assert_eq!(life.runs_of(&place), BTreeSet::from([id(5)]));
    life.outlive(&place, &BTreeSet::new()).unwrap();
    assert!(!life.is_shared(third, &place));
    assert!(!open().is_shared(third, &place));
}
