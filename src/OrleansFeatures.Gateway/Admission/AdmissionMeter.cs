using System.Diagnostics.Metrics;

namespace OrleansFeatures.Gateway.Admission;

/// <summary>What one <see cref="CallAdmission"/> has counted, for whoever listens to <see cref="GatewayMeters.Name"/>: it is asked then, and costs calls nothing.</summary>
internal sealed class AdmissionMeter : IDisposable
{
    private static readonly CallClass[] Classes = [CallClass.Lookup, CallClass.Ingest];
    private static readonly Shed[] Reasons = [Shed.Queue, Shed.Calls, Shed.Client, Shed.Late];

    private readonly Meter _meter = new(GatewayMeters.Name);

    public AdmissionMeter(CallAdmission admission)
    {
        _meter.CreateObservableCounter(GatewayMeters.Calls, () => Classes.SelectMany(kind => Counts(admission, kind)));
        _meter.CreateObservableUpDownCounter(GatewayMeters.CallsUnderWay, () => Classes.Select(kind => new Measurement<long>(admission.UnderWay(kind), Of(kind))));
        _meter.CreateObservableGauge(GatewayMeters.QueueDelaySeconds, () => admission.Delay.TotalSeconds, "s");
    }

    public void Dispose() => _meter.Dispose();

    private static IEnumerable<Measurement<long>> Counts(CallAdmission admission, CallClass kind) =>
        [new(admission.Admitted(kind), Of(kind), Outcome("admitted")), .. Reasons.Select(reason => new Measurement<long>(admission.ShedFor(kind, reason), Of(kind), Outcome(reason.ToString().ToLowerInvariant())))];

    private static KeyValuePair<string, object?> Of(CallClass kind) => new("class", kind.ToString().ToLowerInvariant());

    private static KeyValuePair<string, object?> Outcome(string outcome) => new("outcome", outcome);
}
