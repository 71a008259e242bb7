"""What the operator's pages call this app's limits and work."""

from tenancy.operator_words import limits, work

limits(
    {
        "diagnosis.start.tries": "診断を始める試み",
        "diagnosis.start.address": "診断の開始(1か所から)",
        "diagnosis.start.firm": "診断の開始(1社で)",
        "diagnosis.code": "診断の再開コードの入力",
        "diagnosis.resume.mail": "診断の続きのメール",
        "diagnosis.resume.code": "診断の再開コードの発行",
        "diagnosis.mail.pause": "診断の結果のメール(1分)",
        "diagnosis.mail.day": "診断の結果のメール(1日)",
        "diagnosis.report": "診断レポートの作り直し",
    }
)
work({"diagnosis.expire": "終わらなかった診断の片付け"})
