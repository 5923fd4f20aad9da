//! Matrix products on slices, by the `gemm` crate that burn's CPU backend uses too.
//!
//! The backend clears and copies the memory of each product it forms; here a product is written once, to where it
//! belongs. This is the one module with unsafe code: `gemm` takes pointers, and every one it gets is checked first.

/// Products of at least this many multiplications are spread over the threads of the pool.
#[cfg(feature = "threads")]
const MULTIPLICATIONS: usize = 192 * 192 * 192;

/// So are those with a right side of at least this many cells, which no fast cache keeps: reading it takes longest.
#[cfg(feature = "threads")]
const CELLS: usize = 300_000;

/// A `[rows, columns]` matrix within a slice; neighbours in a column are `of_row` apart, in a row `of_column`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    of_row: usize,
    of_column: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of `columns` values each, `of_row` apart.
    pub(super) fn new(values: &'a [f32], rows: usize, columns: usize, of_row: usize) -> Self {
        Self { values, rows, columns, of_row, of_column: 1 }
    }

    pub(super) fn transposed(self) -> Self {
        let Self { values, rows, columns, of_row, of_column } = self;
        Self { values, rows: columns, columns: rows, of_row: of_column, of_column: of_row }
    }

    /// Cells of the slice that the matrix spans.
    fn span(&self) -> usize {
        span(self.rows, self.columns, self.of_row, self.of_column)
    }
}

fn span(rows: usize, columns: usize, of_row: usize, of_column: usize) -> usize {
    if rows == 0 || columns == 0 { 0 } else { (rows - 1) * of_row + (columns - 1) * of_column + 1 }
}

/// a b, row by row.
pub(super) fn product(a: Matrix<'_>, b: Matrix<'_>) -> Vec<f32> {
    let (rows, columns) = (a.rows, b.columns);
    if rows * columns == 0 || a.columns == 0 {
        return vec![0.0; rows * columns];
    }
    let mut out = Vec::with_capacity(rows * columns);
    // SAFETY: `multiply` writes every one of the rows × columns cells, for which there is room.
    #[allow(unsafe_code, reason = "memory that is written at once need not be cleared before")]
    unsafe {
        multiply(out.as_mut_ptr(), columns, false, a, b);
        out.set_len(rows * columns);
    }
    out
}

/// Writes a b into `out`, whose rows are `of_row` apart; with `add`, adds it.
///
/// # Panics
/// If `out` is too short, or its rows overlap.
pub(super) fn multiply_into(out: &mut [f32], of_row: usize, add: bool, a: Matrix<'_>, b: Matrix<'_>) {
    assert!(span(a.rows, b.columns, of_row, 1) <= out.len(), "the product exceeds its slice");
    assert!(a.rows <= 1 || of_row >= b.columns, "the rows of the product overlap");
    // SAFETY: the assertions have found room for all cells, each of its own, as threads that share the work need.
    #[allow(unsafe_code, reason = "gemm takes pointers")]
    unsafe {
        multiply(out.as_mut_ptr(), of_row, add, a, b);
    }
}

/// # Safety
/// `out` must be valid for writes (and with `add` for reads) of `a.rows` rows of `b.columns` cells, `of_row` apart.
#[allow(unsafe_code, reason = "gemm takes pointers")]
unsafe fn multiply(out: *mut f32, of_row: usize, add: bool, a: Matrix<'_>, b: Matrix<'_>) {
    assert_eq!(a.columns, b.rows, "inner sizes of a product");
    assert!(a.span() <= a.values.len() && b.span() <= b.values.len(), "a matrix exceeds its slice");
    let (rows, columns, inner) = (a.rows, b.columns, a.columns);
    // SAFETY: all cells of `a` and `b` lie in their slices by the assertion, those of `out` by the caller's promise.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            out,
            1,
            of_row as isize,
            add,
            a.values.as_ptr(),
            a.of_column as isize,
            a.of_row as isize,
            b.values.as_ptr(),
            b.of_column as isize,
            b.of_row as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism(rows, columns, inner),
        );
    }
}

fn parallelism(rows: usize, columns: usize, inner: usize) -> gemm::Parallelism {
    #[cfg(feature = "threads")]
    if rows * columns * inner >= MULTIPLICATIONS || columns * inner >= CELLS {
        return gemm::Parallelism::Rayon(0);
    }
    let _ = (rows, columns, inner);
    gemm::Parallelism::None
}

#[cfg(test)]
mod tests {
    use super::super::twin::random;
    use super::*;

    fn by_hand(a: Matrix<'_>, b: Matrix<'_>) -> Vec<f32> {
        let cell = |m: Matrix<'_>, row, column| m.values[row * m.of_row + column * m.of_column];
        let cells = (0..a.rows).flat_map(|row| (0..b.columns).map(move |column| (row, column)));
        cells.map(|(row, column)| (0..a.columns).map(|k| cell(a, row, k) * cell(b, k, column)).sum()).collect()
    }

    #[test]
    fn products_equal_those_by_hand() {
        for [rows, inner, columns] in [[1, 1, 1], [1, 7, 5], [3, 0, 2], [20, 33, 17], [0, 2, 2]] {
            let (a, b) = (random(&[rows * (inner + 2)], 1), random(&[inner * columns], 2));
            let left = Matrix::new(&a, rows, inner, inner + 2);
            for right in [Matrix::new(&b, inner, columns, columns), Matrix::new(&b, columns, inner, inner).transposed()]
            {
                let expected = by_hand(left, right);
                let close = |found: &[f32], offset: f32| {
                    found.iter().zip(&expected).all(|(a, b)| (a - b - offset).abs() < 1e-5)
                };
                assert!(close(&product(left, right), 0.0));
                let mut sum = vec![1.0; rows * columns];
                multiply_into(&mut sum, columns, true, left, right);
                assert!(close(&sum, 1.0));
            }
        }
    }

    #[test]
    #[should_panic(expected = "exceeds its slice")]
    fn a_matrix_beyond_its_slice_is_refused() {
        product(Matrix::new(&[0.0; 5], 2, 3, 3), Matrix::new(&[0.0; 3], 3, 1, 1));
    }
}
