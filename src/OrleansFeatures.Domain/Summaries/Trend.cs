using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>
/// How value and time vary together: the sums of (t - mean t)² and (t - mean t)(x - mean x), merged as Pébay, Sandia report SAND2008-6212, eq. 3.13. Both are
/// taken relative to the first row that came, so that neither the size of a time since 1970 nor that of a value costs digits. Exact but for rounding.
/// </summary>
internal sealed class Trend : IStatistic
{
    private long _count;
    private long _timeReference;
    private double _valueReference;
    private double _timeMean;
    private double _valueMean;
    private double _timeSquares;
    private double _products;

    /// <summary>The slope of the least-squares line, in the value's unit per second; null unless two times differ.</summary>
    public double? Slope => _timeSquares == 0 ? null : _products / _timeSquares * WindowSpan.MicrosPerSecond;

    public long Bytes => ObjectBytes.Of(fields: 7);

    public void Add(in StatisticRow row)
    {
        if (_count == 0)
        {
            (_timeReference, _valueReference) = (row.Time, row.Number);
        }

        Merge(1, row.Time - _timeReference, row.Number - _valueReference, 0, 0);
    }

    public void Merge(IStatistic other)
    {
        var trend = (Trend)other;
        if (trend._count == 0)
        {
            return;
        }

        if (_count == 0)
        {
            (_timeReference, _valueReference) = (trend._timeReference, trend._valueReference);
        }

        double time = trend._timeReference - _timeReference + trend._timeMean;
        double value = trend._valueReference - _valueReference + trend._valueMean;
        Merge(trend._count, time, value, trend._timeSquares, trend._products);
    }

    public void Save(StateWriter to)
    {
        to.Int64(_timeReference);
        to.Double(_valueReference);
        to.Double(_timeMean);
        to.Double(_valueMean);
        to.Double(_timeSquares);
        to.Double(_products);
    }

    public static Trend Load(ref StateReader from, long rows) => new()
    {
        _count = rows,
        _timeReference = from.Int64(),
        _valueReference = from.Double(),
        _timeMean = from.Double(),
        _valueMean = from.Double(),
        _timeSquares = from.Double(),
        _products = from.Double(),
    };

    private void Merge(long count, double timeMean, double valueMean, double timeSquares, double products)
    {
        double share = (double)count / (_count + count);
        double time = timeMean - _timeMean;
        double value = valueMean - _valueMean;
        _timeSquares += timeSquares + (time * time * share * _count);
        _products += products + (time * value * share * _count);
        _timeMean += time * share;
        _valueMean += value * share;
        _count += count;
    }
}
