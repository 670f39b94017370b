/* The C twin of the kernel at the design's feature set: same rules, same inputs, same arithmetic, one book.
   Next-open fills, fee, slippage, hard stop, take-profit, chandelier stop, funding, one maintenance bracket with
   isolated margin, lots and smallest notional, rebalance band, daily equity, drawdown, trade rows. */
#include <math.h>
#include <stdint.h>

typedef struct {
  double fee, slip, maker, hard, target, chandelier, lot, min_notional, band, rate, leverage, liquidation_fee, cash;
} terms_t;
typedef struct {
  double cash, position, entry, fees, funding, stop, goal, best, limit, side_acted, pending;
  double t_entry_ts, t_side, t_entered, t_price, t_fees, t_funding;
  double reason; /* of the stop: 1 hard, 5 chandelier */
  int64_t n_trades;
} book_t;

static double floor_lot(double q, double lot) {
  if (lot <= 0.0) return q;
  double lots = fabs(q) / lot;
  lots = floor(lots + 1e-9 + lots * 1e-15);
  double size = lot < 1.0 ? lots / floor(1.0 / lot + 0.5) : lots * lot;
  return size > 0.0 ? copysign(size, q) : 0.0;
}
static double whole(double q, double lot) {
  double r = floor_lot(q, lot);
  return fabs(r - q) <= 1e-9 * fabs(q) ? r : q;
}
static double sign(double x) { return (x > 0.0) - (x < 0.0); }
static void book_fill(book_t *b, double q, double price, double fee) {
  double held = b->position, after = held + q;
  if (fabs(after) <= 1e-9 * fabs(q)) after = 0.0;
  double realized = 0.0, entry = price;
  if (held * q > 0.0) entry = (held * b->entry + q * price) / after;
  else if (held != 0.0) {
    double closed = fabs(q) < fabs(held) ? -q : held;
    realized = closed * (price - b->entry);
    if (after * held > 0.0) entry = b->entry;
  }
  b->cash = b->cash + realized - fee;
  b->position = after;
  b->entry = after == 0.0 ? 0.0 : entry;
  b->fees += fee;
}
static void end_trade(book_t *b, double ts, double price, double fee, double reason, double *rows, int64_t room) {
  if (b->n_trades < room) {
    double *r = rows + 10 * b->n_trades, fees = b->t_fees + fee;
    r[0] = b->t_entry_ts; r[1] = ts; r[2] = b->t_side; r[3] = b->t_entered; r[4] = b->t_price; r[5] = price;
    r[6] = fees; r[7] = b->t_funding;
    r[8] = b->t_side * b->t_entered * (price - b->t_price) - fees - b->t_funding;
    r[9] = reason;
  }
  b->n_trades++;
  b->t_side = 0.0;
}
static void market(book_t *b, double q, double price, double ts, int ends, double reason, const terms_t *t,
                   double *rows, int64_t room) {
  double paid = q > 0.0 ? price * (1.0 + t->slip) : price * (1.0 - t->slip), fee = fabs(q) * paid * t->fee;
  double held = b->position;
  book_fill(b, q, paid, fee);
  if (held * q >= 0.0) {
    if (b->t_side == 0.0) {
      b->t_entry_ts = ts; b->t_side = q > 0.0 ? 1.0 : -1.0; b->t_entered = fabs(q); b->t_price = paid;
      b->t_fees = fee; b->t_funding = 0.0;
    } else {
      double entered = b->t_entered + fabs(q);
      b->t_price = b->t_price + (paid - b->t_price) * (fabs(q) / entered);
      b->t_entered = entered; b->t_fees += fee;
    }
  } else if (ends) end_trade(b, ts, paid, fee, reason, rows, room);
  else b->t_fees += fee;
}
static void set_levels(book_t *b, double atr, int is_new, const terms_t *t) {
  double s = b->position < 0.0 ? -1.0 : 1.0;
  double trail = -INFINITY;
  if (b->position == 0.0) { b->stop = -INFINITY; b->goal = INFINITY; b->best = -INFINITY; b->limit = -INFINITY; return; }
  if (is_new) b->best = s * b->entry; else trail = b->stop;
  b->stop = s * (b->entry * (1.0 - s * t->hard));
  if (trail > b->stop && b->reason == 5.0) b->stop = trail; else b->reason = 1.0;
  trail = b->best - t->chandelier * atr;
  if (trail > b->stop) { b->stop = trail; b->reason = 5.0; }
  b->goal = s * (b->entry * (1.0 + s * t->target));
  double size = fabs(b->position), wallet = size * b->entry / t->leverage;
  b->limit = s * ((wallet + 0.0 - s * size * b->entry) / (size * t->rate - s * size));
}
static void protect(book_t *b, double open, double ts, const terms_t *t, double *rows, int64_t room, double adverse) {
  double s = b->position < 0.0 ? -1.0 : 1.0, q = whole(-b->position, t->lot);
  int stopped = adverse <= b->stop;
  if (adverse <= b->limit && (!(stopped && b->stop > b->limit) || s * open <= b->limit)) {
    double worst = s * open < b->limit ? s * open : b->limit, wallet = fabs(b->position) * b->entry / t->leverage;
    double bound = s * (b->entry - wallet / b->position);
    if (worst < bound) worst = bound;
    double price = s * worst, fee = fabs(q) * price * (t->fee + t->liquidation_fee);
    double left = wallet + b->position * (price - b->entry);
    if (fee > left) fee = left;
    book_fill(b, q, price, fee);
    end_trade(b, ts, price, fee, 10.0, rows, room);
  } else if (stopped) {
    double worst = s * open < b->stop ? s * open : b->stop;
    market(b, q, s * worst, ts, 1, b->reason, t, rows, room);
  } else return;
  set_levels(b, 0.0, 1, t);
}

void run(const int64_t *ts, const double *o, const double *h, const double *l, const double *c, const double *atr,
         int64_t n, const int64_t *change_bar, const double *change_value, const int64_t *pay_bar,
         const double *pay, int64_t n_pay, const terms_t *t, double *daily, double *rows, int64_t room, double *out) {
  book_t b = {0};
  b.cash = t->cash; b.stop = b.best = b.limit = -INFINITY; b.goal = INFINITY;
  double target = NAN, peak = t->cash, deepest = 0.0, equity = t->cash, wanted = 0.0, slack = INFINITY, unit1 = 1.0 + t->slip;
  int64_t k = 0, p = 0, day = ts[0] / 86400000, first_day = day, next_day = (day + 1) * 86400000, held_bars = 0;
  for (int64_t i = 0; i < n; i++) {
    __builtin_prefetch(o + i + 64); /* read at events only: the kernel asks for it early too */
    const double O = o[i], H = h[i], L = l[i], C = c[i];
    int stepped = 0;
    if (__builtin_expect(ts[i] >= next_day, 0)) {
      int64_t today = ts[i] / 86400000;
      for (; day < today; day++) daily[day - first_day] = equity;
      next_day = (today + 1) * 86400000;
    }
    if (__builtin_expect(p < n_pay && pay_bar[p] == i, 0)) {
      if (b.position != 0.0) {
        double paid = b.position * pay[p];
        b.cash -= paid; b.funding += paid; b.t_funding += paid;
      }
      p++;
    }
    double adverse = b.position < 0.0 ? -H : L, favorable = b.position < 0.0 ? -L : H;
    if (__builtin_expect(b.pending != 0.0 || adverse <= b.stop || adverse <= b.limit || favorable >= b.goal, 0)) {
      double pending = b.pending, prior = i ? atr[i - 1] : NAN, s;
      stepped = 1;
      if (b.position != 0.0) {
        double held = b.position;
        protect(&b, O, ts[i], t, rows, room, held < 0.0 ? -O : O);
        if (b.position == 0.0) { double after = held + pending; pending = after * held < 0.0 ? after : 0.0; }
      }
      if (pending != 0.0) {
        double held = b.position;
        if (held * pending < 0.0 && fabs(pending) > fabs(held)) {
          market(&b, whole(-held, t->lot), O, ts[i], 1, 0.0, t, rows, room);
          market(&b, whole(pending + held, t->lot), O, ts[i], 0, 0.0, t, rows, room);
        } else market(&b, pending, O, ts[i], fabs(pending + held) <= 1e-9 * fabs(pending), 0.0, t, rows, room);
        set_levels(&b, prior, b.position * held <= 0.0, t);
      }
      b.pending = 0.0;
      if (b.position != 0.0) protect(&b, O, ts[i], t, rows, room, b.position < 0.0 ? -H : L);
      s = b.position < 0.0 ? -1.0 : 1.0;
      if (b.position != 0.0 && (s < 0.0 ? -L : H) > b.goal) {
        double price = s * (s * O > b.goal ? s * O : b.goal), q = whole(-b.position, t->lot);
        double fee = fabs(q) * price * t->maker;
        book_fill(&b, q, price, fee);
        end_trade(&b, ts[i], price, fee, 9.0, rows, room);
        set_levels(&b, 0.0, 1, t);
      }
      favorable = b.position < 0.0 ? -L : H;
    }
    equity = b.cash + b.position * (C - b.entry);
    held_bars += b.position != 0.0;
    if (equity > peak) peak = equity;
    double fall = peak - equity;
    if (fall > deepest * peak) deepest = fall / peak;
    const double unit = C * unit1 * (1.0 + t->fee);
    int asked = stepped;
    if (__builtin_expect(change_bar[k] == i, 0)) { target = change_value[k++]; asked = 1; }
    if (__builtin_expect(asked || !(fabs(wanted * equity - b.position * unit) <= slack * unit), 0)) {
      wanted = 0.0; slack = INFINITY;
      if (target == target) {
        double side = sign(target), held = b.position, hs = sign(held), desired = 0.0, order = 0.0;
        int quiet = (side == hs && side == 0.0) || (hs == 0.0 && side == b.side_acted);
        if (!quiet && side != 0.0) {
          desired = floor_lot(equity > 0.0 ? target * 1.0 * equity / unit : 0.0, t->lot);
          quiet = side == hs && fabs(desired - held) <= t->band * fabs(held);
          if (quiet) b.side_acted = side;
        } else if (quiet && side == hs) b.side_acted = side;
        if (!quiet) {
          order = whole(desired - held, t->lot);
          int reducing = order != 0.0 && desired * held >= 0.0 && fabs(desired) <= fabs(held);
          if (reducing || (order != 0.0 && !(fabs(order) * C < t->min_notional))) { b.pending += order; b.side_acted = side; }
        }
        if (side != b.side_acted || b.pending != 0.0 || (held != 0.0 && hs != side)) slack = -INFINITY;
        else if (held != 0.0) {
          wanted = target;
          slack = fabs(held) * (t->band * (1.0 - 1e-9) - 1e-9) - t->lot * (1.0 + 1e-9);
        }
      }
    }
    if (b.best > -INFINITY) {
      if (favorable > b.best) b.best = favorable;
      double trail = b.best - t->chandelier * atr[i];
      if (trail > b.stop) { b.stop = trail; b.reason = 5.0; }
    }
  }
  daily[day - first_day] = equity;
  out[0] = equity; out[1] = deepest; out[2] = (double)b.n_trades; out[3] = b.fees; out[4] = b.funding; out[5] = (double)held_bars;
}
