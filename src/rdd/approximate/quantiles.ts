/** Quantiles of the distributions that stand behind confidence intervals. Good to about nine digits. */

/**
 * The value below which a standard normal variable lies with probability `p`, 0 < p < 1.
 *
 * @source Acklam's rational approximation, then one step of Halley's method
 */
export function normalQuantile(p: number): number {
  if (p <= 0) return Number.NEGATIVE_INFINITY
  if (p >= 1) return Number.POSITIVE_INFINITY
  // By the upper tail near 1, where 1 − cdf would cancel.
  if (p > 0.5) return -normalQuantile(1 - p)
  const x = p < 0.02425 ? tail(Math.sqrt(-2 * Math.log(p))) : centre(p - 0.5)
  const error = 0.5 * erfc(-x / Math.SQRT2) - p
  const u = error * Math.sqrt(2 * Math.PI) * Math.exp((x * x) / 2)
  return x - u / (1 + (x * u) / 2)
}

function tail(q: number): number {
  const above = horner(
    q,
    [
      -7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968,
      2.938163982698783,
    ],
  )
  return (
    above / horner(q, [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1])
  )
}

function centre(q: number): number {
  const r = q * q
  const above = horner(
    r,
    [
      -3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.38357751867269e2,
      -3.066479806614716e1, 2.506628277459239,
    ],
  )
  const below = horner(
    r,
    [
      -5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1,
      -1.328068155288572e1, 1,
    ],
  )
  return (above * q) / below
}

function horner(x: number, coefficients: readonly number[]): number {
  return coefficients.reduce((sum, c) => sum * x + c, 0)
}

/** 1 − erf(x). @source Press et al., Numerical Recipes, erfccheb in its short form: relative error below 1.2e-7 */
function erfc(x: number): number {
  const z = Math.abs(x)
  const t = 1 / (1 + 0.5 * z)
  const series = horner(
    t,
    [
      0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
      1.00002368, -1.26551223,
    ],
  )
  const result = t * Math.exp(-z * z + series)
  return x >= 0 ? result : 2 - result
}

/** The value below which a variable of Student's t distribution lies with probability `p`. */
export function studentQuantile(p: number, degreesOfFreedom: number): number {
  if (p < 0.5) return -studentQuantile(1 - p, degreesOfFreedom)
  let low = 0
  let high = 1
  while (studentCdf(high, degreesOfFreedom) < p && high < 1e12) high *= 2
  for (let i = 0; i < 100 && high - low > 1e-12 * high; i++) {
    const middle = (low + high) / 2
    if (studentCdf(middle, degreesOfFreedom) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** For t ≥ 0. */
function studentCdf(t: number, v: number): number {
  return 1 - 0.5 * incompleteBeta(v / (v + t * t), v / 2, 0.5)
}

/** The regularized incomplete beta function. @source Lentz's continued fraction, Numerical Recipes betacf */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x))
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, a, b)) / a
    : 1 - (front * betaFraction(1 - x, b, a)) / b
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300
  const safe = (value: number): number => (Math.abs(value) < tiny ? tiny : value)
  let c = 1
  let d = 1 / safe(1 - ((a + b) * x) / (a + 1))
  let h = d
  for (let m = 1; m < 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / safe(1 + even * d)
    c = safe(1 + even / c)
    h *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / safe(1 + odd * d)
    c = safe(1 + odd / c)
    h *= d * c
    if (Math.abs(d * c - 1) < 1e-14) break
  }
  return h
}

/** ln Γ(x) for x > 0. @source Lanczos, g = 7 */
export function logGamma(x: number): number {
  const coefficients = [
    676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
    -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ]
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const y = x - 1
  let sum = 0.99999999999980993
  for (const [i, c] of coefficients.entries()) sum += c / (y + i + 1)
  const t = y + 7.5
  return 0.5 * Math.log(2 * Math.PI) + (y + 0.5) * Math.log(t) - t + Math.log(sum)
}
