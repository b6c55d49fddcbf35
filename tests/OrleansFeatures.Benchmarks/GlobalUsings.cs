// The web framework brings System.Diagnostics.EventLog into sight.
global using EventLog = OrleansFeatures.Log.EventLog;
