using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Server.Demo;

/// <summary>One simulated card transaction.</summary>
internal readonly record struct Transaction(long Id, EventTime Time, int Customer, int Terminal, double Amount, bool Fraud);

/// <summary>A terminal in the hands of fraudsters, from this simulated day (counted from 0) on.</summary>
internal sealed record CompromisedTerminal(int Terminal, int Day);

/// <summary>
/// Card transactions in the manner of the Fraud Detection Handbook (Le Borgne and others), written anew from its published description.
/// Customers and terminals lie on a map of 100 x 100; a customer has a mean amount (5 to 100), a deviation of half of it, a mean
/// number of transactions a day (0 to 4), and uses the terminals within a radius of 5. Each day's number is Poisson, the time of day
/// normal around noon, the amount normal (redrawn uniformly when negative). Then three kinds of fraud:
/// <list type="number">
/// <item>an amount over 220 is one: a rule any detector finds;</item>
/// <item>two terminals a day are compromised: all that happens there in the next 28 days (the terminal's risk shows it);</item>
/// <item>three customers a day are compromised: for 14 days a third of their transactions cost five times as much (their own
/// average shows it).</item>
/// </list>
/// The same seed gives the same transactions, day by day, in order of time.
/// </summary>
internal sealed class FraudSimulation
{
    public const double FraudAmount = 220;
    public const int CompromisedTerminalDays = 28;
    public const int CompromisedCustomerDays = 14;
    public const double CompromisedFactor = 5;

    private const double MapSide = 100;
    private const double Radius = 5;
    private const int SecondsPerDay = 86_400;
    private const double TimeOfDayDeviation = 20_000;
    private const int TerminalsCompromisedPerDay = 2;
    private const int CustomersCompromisedPerDay = 3;

    /// <summary>2018-04-01, the day on which the handbook's own data begins.</summary>
    private const long FirstDayMicros = 17_622L * SecondsPerDay * 1_000_000;

    private readonly SeededRandom _random;
    private readonly Customer[] _customers;
    private readonly int[] _terminalCompromisedUntil;
    private readonly int[] _customerCompromisedUntil;
    private volatile CompromisedTerminal? _newestCompromised;
    private int _day;
    private long _nextId;

    public FraudSimulation(ulong seed, int customers, int terminals)
    {
        _random = new SeededRandom(seed);
        _customers = PlaceOnMap(customers, terminals);
        _terminalCompromisedUntil = new int[terminals];
        _customerCompromisedUntil = new int[customers];
    }

    /// <summary>Customers who transact most often: the ones worth watching.</summary>
    public IEnumerable<int> Busiest(int count) => Enumerable.Range(0, _customers.Length)
        .Where(customer => _customers[customer].Terminals.Length > 0)
        .OrderByDescending(customer => _customers[customer].TransactionsPerDay)
        .Take(count);

    /// <summary>The terminal compromised last, or null on the first day. May be read from another thread.</summary>
    public CompromisedTerminal? NewestCompromised => _newestCompromised;

    /// <summary>All transactions of the next day, in order of time.</summary>
    public Transaction[] NextDay()
    {
        Compromise();
        var drafts = new List<Transaction>();
        for (int customer = 0; customer < _customers.Length; customer++)
        {
            Draft(customer, drafts);
        }

        Transaction[] day = drafts.OrderBy(draft => draft.Time).ThenBy(draft => draft.Customer).ToArray();
        for (int at = 0; at < day.Length; at++)
        {
            day[at] = day[at] with { Id = _nextId++ };
        }

        _day++;
        return day;
    }

    private Customer[] PlaceOnMap(int customers, int terminals)
    {
        var grid = new TerminalGrid(terminals, _random);
        var placed = new Customer[customers];
        for (int customer = 0; customer < customers; customer++)
        {
            double x = _random.Uniform(0, MapSide), y = _random.Uniform(0, MapSide);
            double mean = _random.Uniform(5, 100);
            double perDay = _random.Uniform(0, 4);
            placed[customer] = new Customer(mean, mean / 2, perDay, grid.Within(x, y));
        }

        return placed;
    }

    private void Compromise()
    {
        for (int draw = 0; draw < TerminalsCompromisedPerDay; draw++)
        {
            int terminal = _random.Below(_terminalCompromisedUntil.Length);
            _terminalCompromisedUntil[terminal] = _day + CompromisedTerminalDays;
            _newestCompromised = new CompromisedTerminal(terminal, _day);
        }

        for (int draw = 0; draw < CustomersCompromisedPerDay; draw++)
        {
            _customerCompromisedUntil[_random.Below(_customerCompromisedUntil.Length)] = _day + CompromisedCustomerDays;
        }
    }

    private void Draft(int customer, List<Transaction> drafts)
    {
        Customer profile = _customers[customer];
        int count = _random.Poisson(profile.TransactionsPerDay);
        for (int drawn = 0; drawn < count; drawn++)
        {
            double second = Math.Floor(_random.Normal(SecondsPerDay / 2.0, TimeOfDayDeviation));
            double amount = _random.Normal(profile.MeanAmount, profile.Deviation);
            amount = amount < 0 ? _random.Uniform(0, 2 * profile.MeanAmount) : amount;
            if (second < 0 || second >= SecondsPerDay || profile.Terminals.Length == 0)
            {
                continue;
            }

            int terminal = profile.Terminals[_random.Below(profile.Terminals.Length)];
            bool stolen = _day < _customerCompromisedUntil[customer] && _random.Below(3) == 0;
            amount = Math.Round(stolen ? amount * CompromisedFactor : amount, 2);
            bool fraud = stolen || amount > FraudAmount || _day < _terminalCompromisedUntil[terminal];
            long micros = FirstDayMicros + (((_day * (long)SecondsPerDay) + (long)second) * 1_000_000);
            drafts.Add(new Transaction(0, new EventTime(micros), customer, terminal, amount, fraud));
        }
    }

    private readonly record struct Customer(double MeanAmount, double Deviation, double TransactionsPerDay, int[] Terminals);

    /// <summary>Terminals in squares as wide as the radius, so that a customer's lie in the nine squares around.</summary>
    private sealed class TerminalGrid
    {
        private const int Squares = (int)(MapSide / Radius);

        private readonly List<(int Terminal, double X, double Y)>[] _squares = new List<(int, double, double)>[Squares * Squares];

        public TerminalGrid(int terminals, SeededRandom random)
        {
            for (int square = 0; square < _squares.Length; square++)
            {
                _squares[square] = [];
            }

            for (int terminal = 0; terminal < terminals; terminal++)
            {
                double x = random.Uniform(0, MapSide), y = random.Uniform(0, MapSide);
                _squares[(SquareOf(x) * Squares) + SquareOf(y)].Add((terminal, x, y));
            }
        }

        public int[] Within(double x, double y)
        {
            var found = new List<int>();
            for (int column = Math.Max(0, SquareOf(x) - 1); column <= Math.Min(Squares - 1, SquareOf(x) + 1); column++)
            {
                for (int row = Math.Max(0, SquareOf(y) - 1); row <= Math.Min(Squares - 1, SquareOf(y) + 1); row++)
                {
                    found.AddRange(_squares[(column * Squares) + row]
                        .Where(terminal => Math.Pow(terminal.X - x, 2) + Math.Pow(terminal.Y - y, 2) < Radius * Radius)
                        .Select(terminal => terminal.Terminal));
                }
            }

            return found.ToArray();
        }

        private static int SquareOf(double coordinate) => Math.Min(Squares - 1, (int)(coordinate / Radius));
    }
}
