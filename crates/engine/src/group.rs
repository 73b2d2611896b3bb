//! Group commit: what many ask for at once is written in one transaction.
//!
//! Whoever comes while nothing is being written is written at once, alone; those who come meanwhile are
//! written together after it. So nobody waits for company, and the busier it is the more share the price
//! of a commit. Everybody is answered after the commit that holds what they asked for. Where a batch
//! holds something that the database will never take, it is halved until that is alone: it fails by
//! itself, and the others do not.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use freehold_store::StoreError;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Most that is written in one transaction: behind a hundred, more gain nothing, and the unlucky one
/// that fails makes all others be written again.
const BATCH_MOST: usize = 256;
/// A database that does not answer by then is said to be away; whoever asked asks again.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(15);

/// What writes a batch.
pub(crate) trait Commit: Send + Sync + 'static {
    /// What is asked for.
    type Item: Send + Sync + 'static;
    /// What is answered.
    type Answer: Send + 'static;

    /// Writes all of `items` or none. Gives an answer for each, in order, once they are durable.
    fn commit(
        &self,
        items: &[Self::Item],
    ) -> impl Future<Output = Result<Vec<Self::Answer>, StoreError>> + Send;
}

/// Gathers what is asked for. Cheap to clone.
pub(crate) struct Group<C: Commit>(Arc<Inner<C>>);

struct Inner<C: Commit> {
    commit: C,
    line: Mutex<Line<C>>,
}

struct Line<C: Commit> {
    waiting: VecDeque<Asked<C>>,
    is_writing: bool,
}

type Asked<C> = (<C as Commit>::Item, oneshot::Sender<Answered<C>>);
type Answered<C> = Result<<C as Commit>::Answer, Arc<StoreError>>;

impl<C: Commit> Clone for Group<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: Commit> Group<C> {
    pub(crate) fn new(commit: C) -> Self {
        Self(Arc::new(Inner {
            commit,
            line: Mutex::new(Line {
                waiting: VecDeque::new(),
                is_writing: false,
            }),
        }))
    }

    /// Asks for `item` and waits until it is written. Dropped before, it may be written all the same.
    ///
    /// # Errors
    /// What the database said of this item, or of all that were written with it.
    pub(crate) async fn put(&self, item: C::Item) -> Answered<C> {
        let (sender, answer) = oneshot::channel();
        let is_first = {
            let mut line = self.0.line();
            line.waiting.push_back((item, sender));
            !std::mem::replace(&mut line.is_writing, true)
        };
        if is_first {
            // Of its own, so that nobody's impatience stops what others wait for.
            tokio::spawn(Writing(self.0.clone()).all());
        }
        let lost = || Err(Arc::new(StoreError::gone()));
        answer.await.unwrap_or_else(|_| lost())
    }
}

impl<C: Commit> Inner<C> {
    fn line(&self) -> MutexGuard<'_, Line<C>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is written next; none, and nobody writes any more, where nothing waits.
    fn next(&self) -> Option<Vec<Asked<C>>> {
        let mut line = self.line();
        if line.waiting.is_empty() {
            line.is_writing = false;
            return None;
        }
        let many = line.waiting.len().min(BATCH_MOST);
        Some(line.waiting.drain(..many).collect())
    }

    async fn write(&self, batch: Vec<Asked<C>>) {
        let (mut items, mut senders): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        // The last part is written first; each part that fails for its data is halved.
        let mut parts = vec![items.len()];
        while let Some(size) = parts.pop() {
            let from = items.len() - size;
            let done = timeout(COMMIT_TIMEOUT, self.commit.commit(&items[from..])).await;
            let done = done.unwrap_or_else(|_| Err(StoreError::gone()));
            match done {
                Err(error) if error.is_of_the_data() && size > 1 => {
                    parts.extend([size - size / 2, size / 2]);
                    continue;
                }
                Err(error) => {
                    let error = Arc::new(error);
                    for sender in senders.drain(from..) {
                        // Nobody waits for it any more.
                        let _gone = sender.send(Err(error.clone()));
                    }
                }
                Ok(answers) => {
                    for (sender, answer) in senders.drain(from..).zip(answers) {
                        let _gone = sender.send(Ok(answer));
                    }
                }
            }
            items.truncate(from);
        }
    }
}

/// Whoever writes; where that ends in the middle, by a panic, the next one writes.
struct Writing<C: Commit>(Arc<Inner<C>>);

impl<C: Commit> Writing<C> {
    async fn all(self) {
        while let Some(batch) = self.0.next() {
            self.0.write(batch).await;
        }
    }
}

impl<C: Commit> Drop for Writing<C> {
    fn drop(&mut self) {
        let mut line = self.0.line();
        if line.is_writing && std::thread::panicking() {
            line.is_writing = false;
            // Their askers are told that the outcome is unknown.
            line.waiting.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    /// Writes down what it is given, when it is let.
    struct Book {
        may: Semaphore,
        commits: Mutex<Vec<Vec<u32>>>,
        tried: AtomicUsize,
    }

    impl Commit for Arc<Book> {
        type Item = u32;
        type Answer = u32;

        async fn commit(&self, items: &[u32]) -> Result<Vec<u32>, StoreError> {
            self.may.acquire().await.unwrap().forget();
            self.tried.fetch_add(1, Ordering::Relaxed);
            assert!(!items.contains(&1313), "a mistake in us");
            if items.contains(&13) {
                return Err(StoreError::of_the_data());
            }
            if items.contains(&99) {
                return Err(StoreError::gone());
            }
            self.commits.lock().unwrap().push(items.to_vec());
            Ok(items.iter().map(|item| item * 10).collect())
        }
    }

    fn book(may: usize) -> (Arc<Book>, Group<Arc<Book>>) {
        let book = Arc::new(Book {
            may: Semaphore::new(may),
            commits: Mutex::default(),
            tried: AtomicUsize::new(0),
        });
        (book.clone(), Group::new(book))
    }

    fn ask(
        group: &Group<Arc<Book>>,
        item: u32,
    ) -> tokio::task::JoinHandle<Result<u32, Arc<StoreError>>> {
        let group = group.clone();
        tokio::spawn(async move { group.put(item).await })
    }

    async fn settle() {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn the_first_goes_alone_and_those_who_come_meanwhile_go_together() {
        let (book, group) = book(0);
        let first = ask(&group, 1);
        settle().await;
        let rest: Vec<_> = (2002..=2600).map(|n| ask(&group, n)).collect();
        settle().await;
        assert!(!first.is_finished(), "nobody is answered before the commit");
        book.may.add_permits(100);
        assert_eq!(first.await.unwrap().unwrap(), 10);
        for (n, asked) in (2002..).zip(rest) {
            assert_eq!(asked.await.unwrap().unwrap(), n * 10);
        }
        let sizes: Vec<usize> = book.commits.lock().unwrap().iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 256, 256, 87]);
        assert_eq!(ask(&group, 7).await.unwrap().unwrap(), 70, "and again");
    }

    #[tokio::test]
    async fn what_can_never_be_stored_fails_alone() {
        let (book, group) = book(1000);
        let asked: Vec<_> = (1..=90).map(|n| ask(&group, n)).collect();
        for (n, asked) in (1..).zip(asked) {
            let answer = asked.await.unwrap();
            assert_eq!(answer.is_err(), n == 13, "{n}");
        }
        // Halved to the one, not tried one by one.
        assert!(book.tried.load(Ordering::Relaxed) < 20);
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_not_tried_again_and_again() {
        let (book, group) = book(1000);
        let asked: Vec<_> = (90..=99).map(|n| ask(&group, n)).collect();
        for asked in asked {
            assert!(asked.await.unwrap().unwrap_err().is_unavailable());
        }
        assert_eq!(book.tried.load(Ordering::Relaxed), 1);
        assert_eq!(ask(&group, 1).await.unwrap().unwrap(), 10);
    }

    #[tokio::test]
    async fn whoever_does_not_wait_holds_nobody_up() {
        let (book, group) = book(0);
        let first = ask(&group, 1);
        settle().await;
        first.abort();
        let second = ask(&group, 2);
        settle().await;
        book.may.add_permits(10);
        assert_eq!(second.await.unwrap().unwrap(), 20);
        assert_eq!(*book.commits.lock().unwrap(), [vec![1], vec![2]]);
    }

    #[tokio::test]
    async fn after_a_mistake_in_us_the_next_is_written_all_the_same() {
        let (_book, group) = book(1000);
        assert!(ask(&group, 1313).await.unwrap().is_err());
        assert_eq!(ask(&group, 2).await.unwrap().unwrap(), 20);
    }
}
