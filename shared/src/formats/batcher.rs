//! Gathers what several callers want to send to one place at the same time into
//! one request.
//!
//! The first caller of a batch leads it: it lingers for a moment or until the
//! batch is full, sends for all, and hands each caller its answer. It does so in
//! its own future, for what is spawned may be frozen when an invocation ends. If
//! the leader goes, by a panic or because nobody waits for it any longer, the
//! others learn so at once, and whether the sending had begun.

use std::{
    collections::HashMap,
    hash::Hash,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    time::timeout,
};

/// How long a batch that is not full waits for more.
const LINGER: Duration = Duration::from_millis(5);

/// `K` says where an item `T` goes, and `A` is what is answered to it.
pub(crate) struct Gatherer<K, T, A> {
    most: usize,
    /// Those that still take items.
    open: Mutex<HashMap<K, Arc<Batch<T, A>>>>,
}

struct Batch<T, A> {
    waiting: Mutex<Vec<(T, oneshot::Sender<A>)>>,
    full: Notify,
    begun: AtomicBool,
}

/// No answer, for the caller that was to send is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// Before it sent anything.
    Before,
    /// While it was sending, or before it handed on the answers.
    Meanwhile,
}

impl<K: Clone + Eq + Hash, T, A> Gatherer<K, T, A> {
    /// With at most so many items in one batch.
    pub(crate) fn of_up_to(most: usize) -> Self {
        Self { most, open: Mutex::default() }
    }

    /// Sends the item along with others. Only the leader's `send` is called; it
    /// answers the items in their order.
    pub(crate) async fn join<F>(&self, key: K, item: T, send: impl FnOnce(Vec<T>) -> F) -> Result<A, Lost>
    where
        F: Future<Output = Vec<A>>,
    {
        let (batch, leads, answer) = self.enter(&key, item);
        if leads {
            self.lead(&key, &batch, send).await;
        }
        answer.await.map_err(|_| if batch.begun.load(Ordering::SeqCst) { Lost::Meanwhile } else { Lost::Before })
    }

    /// The batch that took it, and whether it is the first in it.
    fn enter(&self, key: &K, item: T) -> (Arc<Batch<T, A>>, bool, oneshot::Receiver<A>) {
        let (answers, answer) = oneshot::channel();
        let mut open = lock(&self.open);
        let batch = Arc::clone(open.entry(key.clone()).or_default());
        let mut waiting = lock(&batch.waiting);
        let leads = waiting.is_empty();
        waiting.push((item, answers));
        if waiting.len() >= self.most {
            open.remove(key);
            batch.full.notify_one();
        }
        drop(waiting);
        (batch, leads, answer)
    }

    async fn lead<F>(&self, key: &K, batch: &Arc<Batch<T, A>>, send: impl FnOnce(Vec<T>) -> F)
    where
        F: Future<Output = Vec<A>>,
    {
        let turn = Turn { gatherer: self, key, batch };
        // Either way it is closed; that it was not full is nothing to report.
        let _ = timeout(LINGER, batch.full.notified()).await;
        // Whoever no longer waits has said that it does not want its item sent.
        let waiting = turn.close().into_iter().filter(|(_, answers)| !answers.is_closed());
        let (items, answers): (Vec<T>, Vec<_>) = waiting.unzip();
        batch.begun.store(true, Ordering::SeqCst);
        for (waits, answer) in answers.into_iter().zip(send(items).await) {
            // Fails for whoever has gone meanwhile.
            let _ = waits.send(answer);
        }
    }
}

/// Closes the batch when its leader goes, so that nobody joins one that is dead.
struct Turn<'a, K: Clone + Eq + Hash, T, A> {
    gatherer: &'a Gatherer<K, T, A>,
    key: &'a K,
    batch: &'a Arc<Batch<T, A>>,
}

impl<K: Clone + Eq + Hash, T, A> Turn<'_, K, T, A> {
    fn close(&self) -> Vec<(T, oneshot::Sender<A>)> {
        let mut open = lock(&self.gatherer.open);
        if open.get(self.key).is_some_and(|batch| Arc::ptr_eq(batch, self.batch)) {
            open.remove(self.key);
        }
        mem::take(&mut *lock(&self.batch.waiting))
    }
}

impl<K: Clone + Eq + Hash, T, A> Drop for Turn<'_, K, T, A> {
    fn drop(&mut self) {
        drop(self.close());
    }
}

impl<T, A> Default for Batch<T, A> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), full: Notify::new(), begun: AtomicBool::new(false) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, future::join_all};
    use std::{future::pending, panic::AssertUnwindSafe, sync::atomic::AtomicUsize};

    type Numbers = Gatherer<&'static str, usize, usize>;

    async fn tens(numbers: Vec<usize>) -> Vec<usize> {
        numbers.into_iter().map(|number| number * 10).collect()
    }

    #[tokio::test]
    async fn what_goes_to_one_place_at_once_goes_in_batches_and_each_has_its_own_answer() {
        let gatherer = Numbers::of_up_to(1000);
        let sizes = Mutex::new(Vec::new());
        let join = |number| {
            gatherer.join("here", number, async |numbers: Vec<usize>| {
                lock(&sizes).push(numbers.len());
                tens(numbers).await
            })
        };
        let answers = join_all((0..1001).map(join)).await;
        assert!(answers.into_iter().enumerate().all(|(number, answer)| answer == Ok(number * 10)));
        let mut sizes = sizes.into_inner().unwrap();
        sizes.sort_unstable();
        assert_eq!(sizes, [1, 1000]);
        assert!(lock(&gatherer.open).is_empty());
    }

    #[tokio::test]
    async fn what_goes_elsewhere_goes_by_itself() {
        let gatherer = Numbers::of_up_to(1000);
        let batches = AtomicUsize::new(0);
        let join = |(place, number)| {
            gatherer.join(place, number, async |numbers| {
                batches.fetch_add(1, Ordering::SeqCst);
                tens(numbers).await
            })
        };
        let answers = join_all([("here", 1), ("there", 2), ("here", 3)].map(join)).await;
        assert_eq!(answers, [Ok(10), Ok(20), Ok(30)]);
        assert_eq!(batches.into_inner(), 2);
    }

    #[tokio::test]
    async fn when_the_leader_panics_the_others_learn_that_it_had_begun() {
        let gatherer = Numbers::of_up_to(3);
        let join = |number| {
            let joined = gatherer.join("here", number, async |numbers: Vec<usize>| {
                assert!(numbers.is_empty(), "the sending fails");
                numbers
            });
            AssertUnwindSafe(joined).catch_unwind()
        };
        let answers = join_all((0..3).map(join)).await;
        assert!(answers[0].is_err());
        assert!(answers[1..].iter().all(|answer| matches!(answer, Ok(Err(Lost::Meanwhile)))));
        assert_eq!(gatherer.join("here", 4, tens).await, Ok(40), "the next begin anew");
    }

    #[tokio::test]
    async fn when_the_leader_is_dropped_the_others_learn_whether_it_had_begun() {
        let gatherer = Numbers::of_up_to(3);
        let never = async |_| pending().await;
        let mut leader = Box::pin(gatherer.join("here", 1, never));
        let mut other = Box::pin(gatherer.join("here", 2, never));
        assert!((&mut leader).now_or_never().is_none() && (&mut other).now_or_never().is_none());
        drop(leader);
        assert_eq!(other.await, Err(Lost::Before));

        let mut leader = Box::pin(gatherer.join("here", 1, never));
        let mut others = join_all([2, 3].map(|number| gatherer.join("here", number, never)));
        assert!((&mut leader).now_or_never().is_none() && (&mut others).now_or_never().is_none());
        // It is full, so that it goes out.
        assert!((&mut leader).now_or_never().is_none());
        drop(leader);
        assert_eq!(others.await, [Err(Lost::Meanwhile), Err(Lost::Meanwhile)]);
        assert!(lock(&gatherer.open).is_empty());
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_longer_is_not_sent() {
        let gatherer = Numbers::of_up_to(3);
        let mut leader = Box::pin(gatherer.join("here", 1, async |numbers| {
            assert_eq!(numbers, [1, 3]);
            tens(numbers).await
        }));
        assert!((&mut leader).now_or_never().is_none());
        let mut gone = Box::pin(gatherer.join("here", 2, tens));
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        let (first, third) = tokio::join!(leader, gatherer.join("here", 3, tens));
        assert_eq!((first, third), (Ok(10), Ok(30)));
    }

    #[tokio::test]
    async fn a_sender_that_answers_too_little_leaves_the_rest_without_an_answer() {
        let gatherer = Numbers::of_up_to(2);
        let join = |number| gatherer.join("here", number, async |numbers: Vec<usize>| numbers[..1].to_vec());
        assert_eq!(join_all([1, 2].map(join)).await, [Ok(1), Err(Lost::Meanwhile)]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_tasks_on_many_threads_each_have_their_own_answer_once() {
        let gatherer = Arc::new(Numbers::of_up_to(7));
        let sent = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..5000)
            .map(|number| {
                let (gatherer, sent) = (Arc::clone(&gatherer), Arc::clone(&sent));
                tokio::spawn(async move {
                    let place = if number % 2 == 0 { "here" } else { "there" };
                    let send = async |numbers: Vec<usize>| {
                        assert!(numbers.len() <= 7 && numbers.iter().all(|other| other % 2 == number % 2));
                        sent.fetch_add(numbers.len(), Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        tens(numbers).await
                    };
                    assert_eq!(gatherer.join(place, number, send).await, Ok(number * 10));
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(sent.load(Ordering::SeqCst), 5000);
        assert!(lock(&gatherer.open).is_empty());
    }
}
