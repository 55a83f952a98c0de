//! The handle, as the typed package sees it: a name, a request, an answer.

use std::path::PathBuf;

use crm_core::{
    Crm, OpenOptions,
    ops::{Request, Watch},
};
use pyo3::{PyTraverseError, PyVisit, prelude::*, types::PyDict};
use pythonize::pythonize;

use crate::{
    callback::{Callback, KeySource},
    cipher,
    failure::{guard, raise},
    job::Watcher,
    observer::Observer,
    reader::Reader,
};

/// The engine over one file. Every method may be called from several threads.
#[pyclass(frozen, module = "crm._native")]
pub(crate) struct Engine {
    /// `None` only while it is dropped.
    crm: Option<Crm>,
    /// Shows the collector what tells the key.
    key: Option<Py<KeySource>>,
}

impl Engine {
    fn crm(&self) -> &Crm {
        self.crm.as_ref().expect("taken only by drop")
    }

    /// Has `work` take the stream that `table` hands out, without Python's lock.
    #[cfg(feature = "arrow")]
    fn take_table<T: Send>(
        &self,
        py: Python<'_>,
        table: &Bound<'_, PyAny>,
        progress: Option<Py<PyAny>>,
        work: impl FnOnce(&Crm, crate::capsule::Stream, &mut Watch<'_>) -> crm_core::Result<T> + Send,
    ) -> PyResult<T> {
        let crm = self.crm();
        // A closed file is told before anything is asked of the table.
        crm.check_open().map_err(|error| raise(py, &error))?;
        let stream = crate::capsule::import(table)?;
        let mut watcher = Watcher::new(progress);
        let outcome =
            py.detach(|| guard(|| work(crm, stream, &mut |progress| watcher.step(progress))));
        if let Some(exception) = watcher.take_raised() {
            return Err(exception);
        }
        outcome.map_err(|error| raise(py, &error))
    }

    /// Has `work` take `table` in, as the request says that `parse` reads.
    #[cfg(feature = "arrow")]
    fn ingest<'py, R: Sync>(
        &self,
        py: Python<'py>,
        parse: impl FnOnce() -> crm_core::Result<R>,
        table: &Bound<'py, PyAny>,
        progress: Option<Py<PyAny>>,
        work: fn(
            &Crm,
            &R,
            crate::capsule::Stream,
            &mut Watch<'_>,
        ) -> crm_core::Result<crm_core::ImportReport>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let request = guard(|| self.crm().check_open().and_then(|()| parse()));
        let request = request.map_err(|error| raise(py, &error))?;
        let report = self.take_table(py, table, progress, |crm, stream, watch| {
            work(crm, &request, stream, watch)
        })?;
        Ok(pythonize(py, &report)?)
    }

    /// Runs `body` without Python's lock, safe from panics.
    fn detached<T: Send>(
        &self,
        py: Python<'_>,
        body: impl FnOnce(&Crm) -> crm_core::Result<T> + Send,
    ) -> PyResult<T> {
        let crm = self.crm();
        py.detach(|| guard(|| body(crm))).map_err(|error| raise(py, &error))
    }
}

#[pymethods]
impl Engine {
    /// Opens the file at `path` as `options` say, with the key that `key` tells where there is one.
    #[new]
    #[pyo3(signature = (path, options, key=None))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        options: &Bound<'_, PyDict>,
        key: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let options = guard(|| OpenOptions::parse(Reader(options)));
        let options = options.map_err(|error| raise(py, &error))?;
        let source = key.map(Callback::new);
        let shown = source.as_ref().map(|source| Py::new(py, KeySource(source.shown())));
        let key = shown.transpose()?;
        let opened = py.detach(|| {
            guard(|| match source {
                None => Crm::open_with(path, options),
                Some(source) => cipher::open(path, options, source),
            })
        });
        opened.map(|crm| Self { crm: Some(crm), key }).map_err(|error| raise(py, &error))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.key)
    }

    /// Runs operation `op`. A long one tells `progress` how much is done of how much.
    #[pyo3(signature = (op, request, progress=None))]
    fn call<'py>(
        &self,
        py: Python<'py>,
        op: &str,
        request: &Bound<'py, PyAny>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let request =
            guard(|| Request::parse(op, Reader(request))).map_err(|error| raise(py, &error))?;
        let mut watcher = Watcher::new(progress);
        let crm = self.crm();
        let outcome =
            py.detach(|| guard(|| crm.execute(request, &mut |progress| watcher.step(progress))));
        if let Some(exception) = watcher.take_raised() {
            return Err(exception);
        }
        let response = outcome.map_err(|error| raise(py, &error))?;
        Ok(pythonize(py, &response)?)
    }

    /// Opens the result of a query as a stream of Arrow record batches, in a capsule.
    #[cfg(feature = "arrow")]
    fn read_table<'py>(
        &self,
        py: Python<'py>,
        request: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, pyo3::types::PyCapsule>> {
        let request = guard(|| crm_core::ReadTable::parse(Reader(request)))
            .map_err(|error| raise(py, &error))?;
        let stream = self.detached(py, |crm| crm.read_table(&request))?;
        crate::capsule::export(py, stream)
    }

    /// Takes in the record batches that `table` hands out, and tells `progress` of the rows.
    #[cfg(feature = "arrow")]
    #[pyo3(signature = (request, table, progress=None))]
    fn ingest_table<'py>(
        &self,
        py: Python<'py>,
        request: &Bound<'py, PyAny>,
        table: &Bound<'py, PyAny>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let parse = || crm_core::IngestTable::parse(Reader(request));
        self.ingest(py, parse, table, progress, |crm, request, stream, watch| {
            crm.ingest_table(request, stream, watch)
        })
    }

    /// Takes in the record batches that `table` hands out as activities.
    #[cfg(feature = "arrow")]
    #[pyo3(signature = (request, table, progress=None))]
    fn ingest_activities<'py>(
        &self,
        py: Python<'py>,
        request: &Bound<'py, PyAny>,
        table: &Bound<'py, PyAny>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let parse = || crm_core::IngestActivities::parse(Reader(request));
        self.ingest(py, parse, table, progress, |crm, request, stream, watch| {
            crm.ingest_activities(request, stream, watch)
        })
    }

    /// Takes in the record batches that `table` hands out as associations.
    #[cfg(feature = "arrow")]
    #[pyo3(signature = (request, table, progress=None))]
    fn ingest_associations<'py>(
        &self,
        py: Python<'py>,
        request: &Bound<'py, PyAny>,
        table: &Bound<'py, PyAny>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let parse = || crm_core::IngestAssociations::parse(Reader(request));
        self.ingest(py, parse, table, progress, |crm, request, stream, watch| {
            crm.ingest_associations(request, stream, watch)
        })
    }

    /// Writes the record batches that `table` hands out to a new file at `path`; how many rows.
    #[cfg(feature = "arrow")]
    #[pyo3(signature = (path, table, progress=None))]
    fn spool_table(
        &self,
        py: Python<'_>,
        path: PathBuf,
        table: &Bound<'_, PyAny>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<u64> {
        self.take_table(py, table, progress, |crm, stream, watch| {
            crm.spool_table(&path, stream, watch)
        })
    }

    /// The same file, written to in the name of `actor` and for the reason `cause`.
    #[pyo3(signature = (actor, cause=None))]
    fn acting_as(&self, py: Python<'_>, actor: &str, cause: Option<&str>) -> PyResult<Self> {
        let crm = self.detached(py, |crm| crm.acting_as(actor, cause))?;
        Ok(Self { crm: Some(crm), key: self.key.as_ref().map(|key| key.clone_ref(py)) })
    }

    /// Who writes through this handle.
    #[getter]
    fn actor(&self) -> &str {
        self.crm().actor()
    }

    /// Tells `callback` the first and last `seq` of every commit.
    fn observe(&self, py: Python<'_>, callback: Py<PyAny>) -> Observer {
        let crm = self.crm();
        py.detach(|| Observer::new(crm, callback))
    }

    /// Stops what runs on the file in other threads.
    fn interrupt(&self, py: Python<'_>) {
        let crm = self.crm();
        py.detach(|| crm.interrupt());
    }

    /// Closes the file for every handle on it.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.detached(py, Crm::close)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The last handle closes the file, which may wait: other threads go on meanwhile.
        let crm = self.crm.take();
        Python::attach(|py| py.detach(|| drop(crm)));
    }
}
