using OrleansFeatures.Server.Demo;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Server.Tests.Demo;

public sealed class FraudSimulationTests
{
    private const ulong Seed = 42;
    private static readonly Transaction[] Transactions = Days(new FraudSimulation(Seed, customers: 2_000, terminals: 4_000), 60);

    [Fact]
    public void The_same_seed_gives_the_same_transactions_and_another_seed_others()
    {
        Transaction[] again = Days(new FraudSimulation(Seed, 2_000, 4_000), 5);
        again.ShouldBe(Transactions[..again.Length]);
        Days(new FraudSimulation(Seed + 1, 2_000, 4_000), 5).ShouldNotBe(again);
    }

    [Fact]
    public void Ids_are_dense_and_times_never_go_back()
    {
        for (int at = 0; at < Transactions.Length; at++)
        {
            Transactions[at].Id.ShouldBe(at);
            (at == 0 || Transactions[at].Time >= Transactions[at - 1].Time).ShouldBeTrue($"transaction {at}");
        }

        Transactions[0].Time.ToString().ShouldStartWith("2018-04-01T");
        Transactions[^1].Time.ToString().ShouldStartWith("2018-05-30T");
    }

    [Fact]
    public void A_customer_makes_two_transactions_a_day_on_average_mostly_around_noon()
    {
        // Uniform(0, 4) has the mean 2; 3.1 % of a normal around noon with 20,000 s deviation fall outside the day.
        double perDay = Transactions.Length / 60.0 / 2_000;
        perDay.ShouldBe(2 * 0.969, 0.1);
        double midday = Transactions.Count(transaction => transaction.Time.Micros / 1_000_000 % 86_400 is > 23_200 and < 63_200) / (double)Transactions.Length;
        midday.ShouldBe(0.705, 0.02);
    }

    [Fact]
    public void Amounts_have_the_published_mean_and_are_whole_cents()
    {
        // Uniform(5, 100) has the mean 52.5; redrawing the 2.3 % negative amounts and the stolen ones move it up a little.
        double mean = Transactions.Where(transaction => !transaction.Fraud).Average(transaction => transaction.Amount);
        mean.ShouldBe(53, 2.5);
        Transactions.ShouldAllBe(transaction => transaction.Amount >= 0 && Math.Abs((transaction.Amount * 100) - Math.Round(transaction.Amount * 100)) < 1e-6);
    }

    [Fact]
    public void Every_transaction_over_the_amount_is_a_fraud()
    {
        Transactions.Count(transaction => transaction.Amount > FraudSimulation.FraudAmount).ShouldBeGreaterThan(0);
        Transactions.Where(transaction => transaction.Amount > FraudSimulation.FraudAmount).ShouldAllBe(transaction => transaction.Fraud);
    }

    [Fact]
    public void A_compromised_terminal_is_fraudulent_for_four_weeks()
    {
        // Among terminals with a run of nothing but fraud on at least ten days, the longest runs are about 28 days.
        int longest = Transactions.Where(transaction => transaction.Amount <= FraudSimulation.FraudAmount)
            .GroupBy(transaction => transaction.Terminal)
            .Max(LongestFraudRunDays);
        longest.ShouldBeInRange(20, 60);
        double share = Transactions.Count(transaction => transaction.Fraud) / (double)Transactions.Length;
        share.ShouldBeInRange(0.004, 0.05);
    }

    [Fact]
    public void A_customer_uses_only_terminals_nearby()
    {
        // A circle of radius 5 holds 0.785 % of the map: 31 of 4,000 terminals.
        double terminals = Transactions.GroupBy(transaction => transaction.Customer)
            .Where(group => group.Count() > 100)
            .Average(group => group.Select(transaction => transaction.Terminal).Distinct().Count());
        terminals.ShouldBeInRange(20, 35);
    }

    [Fact]
    public void The_stream_delivers_everything_a_little_out_of_order_with_some_twice()
    {
        var stream = new DisorderedStream(new FraudSimulation(Seed, 2_000, 4_000), Seed);
        Transaction[] arrived = Enumerable.Range(0, 50_000).Select(_ => stream.Next()).ToArray();

        var seen = new HashSet<long>();
        int duplicates = arrived.Count(transaction => !seen.Add(transaction.Id));
        duplicates.ShouldBeInRange(400, 600);
        int behind = 0;
        long newest = 0;
        foreach (Transaction transaction in arrived)
        {
            behind += transaction.Time.Micros < newest ? 1 : 0;
            newest = Math.Max(newest, transaction.Time.Micros);
        }

        behind.ShouldBeInRange(2_000, 4_000);
        long oldest = seen.Max() - 4_000;
        Enumerable.Range(0, (int)oldest).ShouldAllBe(id => seen.Contains(id));
        var again = new DisorderedStream(new FraudSimulation(Seed, 2_000, 4_000), Seed);
        Enumerable.Range(0, 1_000).Select(_ => again.Next()).ShouldBe(arrived[..1_000]);
    }

    private static Transaction[] Days(FraudSimulation simulation, int days) =>
        Enumerable.Range(0, days).SelectMany(_ => simulation.NextDay()).ToArray();

    private static int LongestFraudRunDays(IEnumerable<Transaction> ofTerminal)
    {
        int longest = 0;
        long? start = null;
        foreach (Transaction transaction in ofTerminal)
        {
            long day = transaction.Time.Micros / 86_400_000_000;
            start = transaction.Fraud ? start ?? day : null;
            longest = Math.Max(longest, start is null ? 0 : (int)(day - start.Value) + 1);
        }

        return longest;
    }
}
