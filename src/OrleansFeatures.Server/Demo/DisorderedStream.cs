using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Server.Demo;

/// <summary>
/// The simulation's transactions in the order in which a network would deliver them: most at once, one in twenty late by some minutes of
/// event time, one in a hundred a second time. Late ones wait in a queue ordered by arrival; a day is delivered once the
/// simulation has passed its end, so the queue holds one day and its stragglers.
/// </summary>
internal sealed class DisorderedStream(FraudSimulation simulation, ulong seed)
{
    private const double LateShare = 0.05;
    private const double LateMeanSeconds = 600;
    private const double DuplicateShare = 0.01;
    private const double DuplicateMeanSeconds = 60;

    private readonly SeededRandom _random = new(seed);
    private readonly PriorityQueue<Transaction, (long Arrival, long Id)> _underway = new();
    private long _deliverableMicros = long.MinValue;

    /// <summary>The next transaction to arrive. There is always one more day.</summary>
    public Transaction Next()
    {
        while (!_underway.TryPeek(out _, out (long Arrival, long Id) head) || head.Arrival > _deliverableMicros)
        {
            foreach (Transaction transaction in simulation.NextDay())
            {
                Send(transaction);
                _deliverableMicros = transaction.Time.Micros;
            }
        }

        return _underway.Dequeue();
    }

    private void Send(Transaction transaction)
    {
        long arrival = transaction.Time.Micros + (_random.Unit() < LateShare ? Delay(LateMeanSeconds) : 0);
        _underway.Enqueue(transaction, (arrival, transaction.Id));
        if (_random.Unit() < DuplicateShare)
        {
            _underway.Enqueue(transaction, (arrival + Delay(DuplicateMeanSeconds), transaction.Id));
        }
    }

    private long Delay(double meanSeconds) => (long)(_random.Exponential(meanSeconds) * 1_000_000);
}
