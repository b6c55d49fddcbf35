using Microsoft.Extensions.Logging;
using Orleans.Runtime.Services;

namespace OrleansFeatures.Silo.Operations;

/// <summary>Answers for this silo, one at a time with its other calls; a report is some hundred numbers.</summary>
internal sealed class SiloReports(GrainId id, Orleans.Runtime.Silo silo, ILoggerFactory loggers, SiloSelf self) : GrainService(id, silo, loggers), ISiloReports
{
    public Task<SiloReport> ReportAsync() => Task.FromResult(self.Report());
}

/// <summary>The way to another silo's <see cref="ISiloReports"/>.</summary>
internal sealed class SiloReportsClient(IServiceProvider services) : GrainServiceClient<ISiloReports>(services)
{
    public Task<SiloReport> ReportAsync(SiloAddress silo) => GetGrainService(silo).ReportAsync();
}
