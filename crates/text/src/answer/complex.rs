//! Complex numbers in double precision, as far as answers need them.

/// A complex number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Complex {
    pub(crate) re: f64,
    pub(crate) im: f64,
}

impl Complex {
    pub(crate) fn new(re: f64, im: f64) -> Self {
        Self { re, im }
    }

    pub(crate) fn real(re: f64) -> Self {
        Self { re, im: 0.0 }
    }

    pub(crate) fn size(self) -> f64 {
        self.re.hypot(self.im)
    }

    pub(crate) fn is_finite(self) -> bool {
        self.re.is_finite() && self.im.is_finite()
    }

    /// Real up to rounding.
    pub(crate) fn is_real(self) -> bool {
        self.im.abs() <= 1e-12 * self.size()
    }

    pub(crate) fn add(self, other: Self) -> Self {
        Self::new(self.re + other.re, self.im + other.im)
    }

    pub(crate) fn subtract(self, other: Self) -> Self {
        Self::new(self.re - other.re, self.im - other.im)
    }

    pub(crate) fn multiply(self, other: Self) -> Self {
        Self::new(self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re)
    }

    pub(crate) fn divide(self, other: Self) -> Self {
        let square = other.re * other.re + other.im * other.im;
        let product = self.multiply(Self::new(other.re, -other.im));
        Self::new(product.re / square, product.im / square)
    }

    pub(crate) fn exp(self) -> Self {
        let size = self.re.exp();
        if self.im == 0.0 { Self::real(size) } else { Self::new(size * self.im.cos(), size * self.im.sin()) }
    }

    pub(crate) fn ln(self) -> Self {
        Self::new(self.size().ln(), self.im.atan2(self.re))
    }

    pub(crate) fn power(self, exponent: Self) -> Self {
        if exponent.im == 0.0 && exponent.re.fract() == 0.0 && exponent.re.abs() <= 1024.0 {
            return self.whole_power(exponent.re);
        }
        if self.im == 0.0 && self.re >= 0.0 && exponent.im == 0.0 {
            return Self::real(self.re.powf(exponent.re));
        }
        self.ln().multiply(exponent).exp()
    }

    fn whole_power(self, exponent: f64) -> Self {
        let mut rest = exponent.abs() as u32;
        let (mut square, mut result) = (self, Self::real(1.0));
        while rest > 0 {
            if rest % 2 == 1 {
                result = result.multiply(square);
            }
            square = square.multiply(square);
            rest /= 2;
        }
        if exponent < 0.0 { Self::real(1.0).divide(result) } else { result }
    }

    /// The `index`-th root: the real one where there is one, else the principal one.
    pub(crate) fn root(self, index: Self) -> Self {
        let odd = index.im == 0.0 && index.re.rem_euclid(2.0) == 1.0;
        if self.im == 0.0 && self.re < 0.0 && odd {
            return Self::real(-(-self.re).powf(1.0 / index.re));
        }
        if self.im == 0.0 && index == Self::real(2.0) {
            let size = self.re.abs().sqrt();
            return if self.re < 0.0 { Self::new(0.0, size) } else { Self::real(size) };
        }
        self.power(Self::real(1.0).divide(index))
    }

    pub(crate) fn sin(self) -> Self {
        if self.im == 0.0 {
            return Self::real(self.re.sin());
        }
        Self::new(self.re.sin() * self.im.cosh(), self.re.cos() * self.im.sinh())
    }

    pub(crate) fn cos(self) -> Self {
        if self.im == 0.0 {
            return Self::real(self.re.cos());
        }
        Self::new(self.re.cos() * self.im.cosh(), -self.re.sin() * self.im.sinh())
    }
}
